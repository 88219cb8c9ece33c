"""What is known of a row filter stands for what a lock hides, as long as nothing else changed (rule D8)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cdc_reader.discovery.catalog_rows import Catalog, PublicationRow
from cdc_reader.discovery.entries import TopicPlan, table_entries
from cdc_reader.discovery.publication import publication_mark
from cdc_reader.discovery.row_filters import filters_of, stored_filters, with_known_filters
from schemas.tables import TableEntry
from tests.unit.cdc_reader.discovery.catalogs import catalog, publication, table

pytestmark = pytest.mark.rule("D8")
ODD = 'a ":" '
KINDS = {"id": "bigint", ODD: "text"}
FILTER = "((id > 0) AND (name <> 'x:y\n'::text))"


def published(**more: Any) -> PublicationRow:
    found = publication((1, "items"), (2, "others"))
    first, second = found.members
    return replace(found, members=(replace(first, **more), second))


READ = catalog(
    table(1, "items", KINDS), table(2, "others", KINDS), publication=published(row_filter=FILTER, columns=("id", ODD))
)


def locked(**more: Any) -> Catalog:
    fields = {"row_filter": None, "filter_unread": True, "columns": ("id", ODD), **more}
    return replace(READ, publication=published(**fields))


def entries(of: Catalog = READ) -> dict[str, TableEntry]:
    found = table_entries(of, source="", version=0, topic_of=lambda name: TopicPlan("", 0))
    return {str(each.name): each for each in found}


def test_filter_of_before_is_taken() -> None:
    assert READ.publication is not None
    stored = stored_filters(publication_mark(READ.publication))
    assert stored == filters_of(READ.publication) == {(901, "751", 1): FILTER}
    assert with_known_filters(locked(), stored, entries()) == READ


def test_filter_of_another_row_of_the_publication_is_not() -> None:
    changed = locked(xmin="752")
    assert with_known_filters(changed, filters_of(READ.publication), entries()) == changed


def test_filter_of_a_table_that_changed_is_not() -> None:
    """A column of the name may be another one now."""
    before = entries(replace(READ, tables=(table(1, "items", {"id": "bigint", "was": "text"}), READ.tables[1])))
    assert with_known_filters(locked(), filters_of(READ.publication), before) == locked()


def test_nothing_is_known_at_first() -> None:
    assert stored_filters(None) == filters_of(None) == {}
    assert with_known_filters(locked(), {}, {}) == locked()


def test_member_whose_filter_is_not_known_is_none_yet() -> None:
    hidden = locked().publication
    assert hidden is not None
    assert list(publication_mark(hidden).members) == ["public.others"]
