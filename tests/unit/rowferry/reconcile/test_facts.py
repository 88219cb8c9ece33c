"""What a document must say about its row, and what it says, in one form."""

from __future__ import annotations

import pytest

from rowferry.reconcile import facts
from rowferry.reconcile.shapes import Described, Parent, Reading, Shape

PHOTOS = Described(
    "public",
    "photos",
    {"id": "int8", "project_id": "int8"},
    ("id",),
    ("id", "project_id"),
    (Reading("public", "photos", 1),),
)
PARENT = Parent("project_id", ("project_id",), "projects", ("project_id",))
SHAPE = Shape(PHOTOS, (PARENT,))
FACTS = {
    "doc_id": "photos/7",
    "source_table": "photos",
    "source_id": "7",
    "deleted": False,
    "metadata": {"id": "7", "project_id": "3"},
    "relationships": [["belongs_to", "out", "project_id", "projects", "3", "projects/3"]],
    "parent_ids": ["projects/3"],
    "edge_keys": ["belongs_to:projects/3"],
}
FIELDS = {
    "doc_id": "photos/7",
    "source_table": "photos",
    "source_id": "7",
    "metadata": {"project_id": "3", "id": "7"},
    "relationships": [
        {
            "target_doc_id": "projects/3",
            "rel_type": "belongs_to",
            "direction": "out",
            "fk_column": "project_id",
            "target_table": "projects",
            "target_id": "3",
        }
    ],
    "parent_ids": ["projects/3"],
    "edge_keys": ["belongs_to:projects/3"],
    "deleted": False,
    "title": "not compared",
}


def test_row_gives_the_facts_of_its_document() -> None:
    assert facts.expected(SHAPE, {"id": "7", "project_id": "3"}) == FACTS


def test_document_gives_its_facts() -> None:
    assert facts.found(FIELDS) == FACTS


def test_map_in_its_long_form_is_read_alike() -> None:
    entries = [{"key": "id", "value": "7"}, {"key": "project_id", "value": "3"}]

    assert facts.found({**FIELDS, "metadata": entries}) == FACTS


def test_null_column_is_absent_and_gives_no_relationship() -> None:
    found = facts.expected(SHAPE, {"id": "7"})

    assert found["metadata"] == {"id": "7"}
    assert found["relationships"] == found["parent_ids"] == found["edge_keys"] == []


def test_reference_to_something_else_than_the_key_has_no_target_document() -> None:
    shape = Shape(PHOTOS, (Parent("project_id", ("project_id",), "projects", None),))

    found = facts.expected(shape, {"id": "7", "project_id": "3"})

    assert found["relationships"] == [["belongs_to", "out", "project_id", "projects", "", ""]]
    assert found["parent_ids"] == []


KEYS = {
    "number": (["7"], "7"),
    "two parts": (["7", "a"], "7,a"),
    "separators": (["a,b/c%d e"], "a%2Cb%2Fc%25d%20e"),
    "empty": (["", "x"], "%00,x"),
    "other scripts": (["Ж-é"], "%D0%96-%C3%A9"),
}


@pytest.mark.parametrize(("values", "text"), KEYS.values(), ids=KEYS)
def test_key_is_spelled_in_percent_encoding(values: list[str], text: str) -> None:
    assert facts.key_text(values) == text


TEXTS = {
    "tab, line feed, carriage return stay": ("a\tb\nc\rd", "a\tb\nc\rd"),
    "other controls": ("a\x01b\x1fc\x0bd", "a�b�c�d"),
    "delete stays": ("a\x7fb\x85c", "a\x7fb\x85c"),
    "noncharacters": ("a\ufdd0b\ufddfc\ufffed\uffffe\U0001fffff", "a�b�c�d�e�f"),
    "astral letters stay": ("a\U0001f600b\U0010fffdc", "a\U0001f600b\U0010fffdc"),
}


@pytest.mark.parametrize(("value", "text"), TEXTS.values(), ids=TEXTS)
def test_code_points_that_vespa_refuses_are_replaced(value: str, text: str) -> None:
    assert facts.expected(SHAPE, {"id": "1", "project_id": "2", "note": value})["metadata"]["note"] == text


CHANGES = {
    "value": ({"metadata": {"id": "7", "project_id": "4"}}, ["metadata.project_id"]),
    "missing column": ({"metadata": {"id": "7"}}, ["metadata.project_id"]),
    "column too many": ({"metadata": {"id": "7", "project_id": "3", "b": "", "a": ""}}, ["metadata.a", "metadata.b"]),
    "no relationship": ({"relationships": []}, ["relationships"]),
    "parent": ({"parent_ids": ["projects/4"]}, ["parent_ids"]),
    "table": ({"source_table": "pictures"}, ["source_table"]),
    "no document id": ({"doc_id": None}, ["doc_id"]),
    "deleted though it has data": ({"deleted": True}, ["deleted"]),
}


@pytest.mark.parametrize(("change", "names"), CHANGES.values(), ids=CHANGES)
def test_difference_is_named_and_changes_the_digest(change: dict[str, object], names: list[str]) -> None:
    wanted, got = facts.expected(SHAPE, {"id": "7", "project_id": "3"}), facts.found({**FIELDS, **change})

    assert facts.differences(wanted, got) == names
    assert facts.digest(wanted) != facts.digest(got)


def test_equal_facts_have_one_digest() -> None:
    assert facts.digest(facts.expected(SHAPE, {"project_id": "3", "id": "7"})) == facts.digest(facts.found(FIELDS))


def test_memory_of_a_deleted_row_holds_none_of_its_data() -> None:
    assert facts.is_memory({"deleted": True})
    assert not facts.is_memory({"deleted": True, "metadata": {"id": "7"}})
    assert not facts.is_memory({"deleted": True, "content_text": "words"})
    assert not facts.is_memory({"metadata": {"id": "7"}})
