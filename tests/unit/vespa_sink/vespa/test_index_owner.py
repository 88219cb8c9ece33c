from __future__ import annotations

from typing import Any

import pytest

from schemas.errors import SettingsError
from vespa_sink.vespa.index_owner import check_owner, foreign_prefix, is_described
from vespa_sink.vespa.searches import Index


def _hits(*prefixes: str) -> dict[str, Any]:
    return {"root": {"children": [{"fields": {"prefix": prefix}} for prefix in prefixes]}}


@pytest.mark.rule("D7")
@pytest.mark.parametrize(
    ("answer", "other"),
    [
        ({"root": {}}, None),
        ({}, None),
        (_hits("cdc", "cdc"), None),
        (_hits("cdc", "crm"), "crm"),
        ({"root": {"children": [{}, {"fields": {}}]}}, None),
    ],
    ids=["empty", "no answer", "ours", "another's", "without prefix"],
)
def test_d7_prefix_of_another_pipeline_is_found(answer: dict[str, Any], other: str | None) -> None:
    assert foreign_prefix(answer, "cdc") == other


@pytest.mark.rule("D7")
def test_d7_index_of_another_pipeline_is_refused_with_its_name() -> None:
    index = Index("procore", "procore_schema")
    check_owner(_hits("cdc"), index, "cdc")
    with pytest.raises(SettingsError, match="namespace 'procore', got those of 'crm'") as caught:
        check_owner(_hits("crm"), index, "cdc")
    assert "vespa.namespace" in (caught.value.remedy or "")


ANSWERS = {
    "a table": ({"root": {"coverage": {"coverage": 50}, "children": [{"fields": {"prefix": "crm"}}]}}, True),
    "none": ({"root": {"coverage": {"coverage": 100}}}, False),
    "below full coverage": ({"root": {"coverage": {"coverage": 50}}}, None),
    "errors": ({"root": {"coverage": {"coverage": 100}, "errors": [{"code": 12}]}}, None),
    "no coverage": ({"root": {}}, None),
    "no answer": ({}, None),
}


@pytest.mark.rule("D7")
@pytest.mark.parametrize(("answer", "described"), ANSWERS.values(), ids=ANSWERS)
def test_d7_namespace_is_unused_only_when_all_of_it_was_looked_at(
    answer: dict[str, Any], described: bool | None
) -> None:
    assert is_described(answer) is described
