from __future__ import annotations

from typing import Any

import pytest

from vespa_sink.vespa.searches import Doubts, Index, Page, Sweep, described_by, owner_of, page_of, rows_of_partition

RECORDS = Index("procore", "procore_record")


@pytest.mark.rule("V4")
def test_v4_query_asks_for_one_partition_of_one_table_below_the_floor() -> None:
    assert Sweep(RECORDS, "rfis", 2, 1_700_000_000_000_000).query(2.5) == {
        "yql": (
            'select doc_id from procore_record where namespace contains "procore" and source_table contains "rfis" '
            "and source_partition = 2 and version < 1700000000000000L limit 400"
        ),
        "hits": 400,
        "presentation.summary": "hop",
        "ranking.profile": "unranked",
        "timeout": "2.5s",
    }


def test_names_are_quoted_in_queries() -> None:
    yql = rows_of_partition(RECORDS, 'odd"\\name', 0)["yql"]
    assert 'source_table contains "odd\\"\\\\name" and source_partition = 0 limit 1' in yql


@pytest.mark.rule("D7")
def test_d7_owners_are_asked_of_one_namespace() -> None:
    assert owner_of(Index("procore", "procore_schema"))["yql"] == (
        'select prefix from procore_schema where namespace contains "procore" and deleted = false limit 400'
    )


@pytest.mark.rule("D7")
def test_d7_tables_of_a_pipeline_are_asked_of_one_namespace() -> None:
    assert described_by(Index("procore", "procore_schema"), "crm")["yql"] == (
        'select prefix from procore_schema where namespace contains "procore" and prefix contains "crm" limit 1'
    )


def _answer(coverage: Any, *ids: str, **more: Any) -> dict[str, Any]:
    return {"root": {"coverage": coverage, "children": [{"fields": {"doc_id": each}} for each in ids], **more}}


PAGES = {
    "some": (_answer({"coverage": 100}, "rfis/1", "rfis/2"), Page(("rfis/1", "rfis/2"), complete=True)),
    "none": ({"root": {"coverage": {"coverage": 100}}}, Page((), complete=True)),
    "below full coverage": (_answer({"coverage": 99}), Page((), complete=False)),
    "no coverage": (_answer(None), Page((), complete=False)),
    "errors": (_answer({"coverage": 100}, errors=[{"code": 12}]), Page((), complete=False)),
    "nothing": ({}, Page((), complete=False)),
    "hits without an id": (
        {"root": {"coverage": {"coverage": 100}, "children": [{}, {"fields": {"doc_id": 7}}]}},
        Page(("", ""), complete=True),
    ),
}


@pytest.mark.rule("V4")
@pytest.mark.parametrize(("answer", "page"), PAGES.values(), ids=PAGES)
def test_v4_answer_is_read_with_its_coverage(answer: dict[str, Any], page: Page) -> None:
    assert page_of(answer) == page


@pytest.mark.rule("V4")
def test_v4_only_an_empty_page_with_full_coverage_is_the_end() -> None:
    assert {name for name, (_, page) in PAGES.items() if page.over} == {"none"}


@pytest.mark.rule("V4")
def test_v4_doubt_lasts_until_the_latest_request_has_ended() -> None:
    doubts = Doubts(10.0)
    doubts.unanswered(25.0)
    doubts.unanswered(20.0)
    assert (doubts.left_s(5.0), doubts.left_s(24.0), doubts.left_s(26.0)) == (20.0, 1.0, 0.0)
