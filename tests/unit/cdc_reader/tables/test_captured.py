"""Which relation of the stream is whose, and what of it must have the definitions compared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cdc_reader.discovery.catalog_rows import DeclaredType
from cdc_reader.pgoutput import Relation, decode
from cdc_reader.tables.captured import CapturedTable, Tables
from cdc_reader.tables.encoder_plans import plan_table
from cdc_reader.transcode import make_encoder
from cdc_reader.transcode.type_shapes import ARRAY, ENUM, TypeShape
from tests.unit.cdc_reader import messages
from tests.unit.cdc_reader.transcode.tables import entry

COLUMNS = [("id", 20), ("name", 25)]
OID, LEAF = 16385, 16400
DOMAIN = 70_000
ENTRY = replace(entry(COLUMNS, ["id"]), key_kinds=("integer",))


def tables() -> Tables:
    plan = plan_table(ENTRY, prefix="cdc")
    read = None
    table = CapturedTable(ENTRY, plan, make_encoder(plan), read, frozenset({OID, LEAF}))  # type: ignore[arg-type]
    return Tables([table], prefix="cdc", encoder_of=make_encoder)


def relation(
    oid: int = OID, columns: list[tuple[str, int]] | None = None, name: str = "items", identity: str = "d"
) -> Relation:
    found = decode(messages.relation(oid, name, columns or COLUMNS, identity=identity))
    assert isinstance(found, Relation)
    return found


def no_names(types: object) -> list[DeclaredType]:
    raise AssertionError("the catalog explains this relation")


def names(types: list[tuple[int, int]]) -> list[DeclaredType]:
    """The type 70000 is a domain over integers."""
    return [DeclaredType(f"type {oid}", *((23, "integer") if oid == DOMAIN else ())) for oid, _ in types]


def test_relation_that_the_entry_explains_is_bound() -> None:
    bound, differs = tables().bind(relation(), no_names)
    assert bound is not None
    assert (bound.topic, bound.leaf, differs) == ("cdc.public.items", False, False)


@pytest.mark.rule("D3")
def test_d3_leaf_is_bound_to_its_root() -> None:
    """Red with `leaf` always False."""
    bound, differs = tables().bind(relation(LEAF, name="items_1"), no_names)
    assert bound is not None
    assert (bound.topic, bound.leaf, differs) == ("cdc.public.items", True, False)


@pytest.mark.rule("D1")
def test_d1_relation_of_another_oid_is_not_bound_and_has_definitions_compared() -> None:
    """Red where `bind` finds a table by its name; or without the comparison of names, which tells that it is ours."""
    ours = tables()
    ours.bind(relation(), no_names)
    assert ours.bind(relation(99), no_names) == (None, True)
    assert ours.bind(relation(98, name="others"), no_names) == (None, False)
    assert list(ours.by_wire) == [OID.to_bytes(4, "big")]


@pytest.mark.rule("D1")
def test_d1_relation_that_comes_again_differs_only_when_it_does() -> None:
    """Red with `differs = False` for one that was known otherwise."""
    ours = tables()
    first, _ = ours.bind(relation(), no_names)
    assert ours.bind(relation(), no_names) == (first, False)
    shorter, differs = ours.bind(relation(columns=COLUMNS[:1]), no_names)
    assert (shorter is first, differs) == (False, True)


@pytest.mark.rule("D1")
def test_d1_relation_that_the_entry_does_not_explain_is_read_as_the_stream_has_it() -> None:
    """Red with `differs = False` for a stale entry."""
    bound, differs = tables().bind(relation(columns=[("id", 20), ("name", 23), ("more", 25)]), names)
    assert bound is not None
    assert [column.name for column in bound.encoder.plan.columns] == ["id", "name", "more"]
    assert differs


OTHER_KEYS = {
    "the column is gone, or has another name": [("code", 20), ("name", 25)],
    "a column of another kind": [("id", 25), ("name", 25)],
}


@pytest.mark.rule("D6")
@pytest.mark.parametrize("columns", OTHER_KEYS.values(), ids=OTHER_KEYS)
@pytest.mark.parametrize("identity", ["d", "f"])
def test_d6_stream_with_another_key_is_bound_as_one_without(columns: list[tuple[str, int]], identity: str) -> None:
    """Red without the comparison of kinds in `_bound`; each change has the table read again, nothing is published."""
    ours = tables()
    bound, differs = ours.bind(relation(columns=columns, identity=identity), names)
    assert bound is not None
    assert (bound.keyless, differs, ours.by_wire, list(ours.keyless.values())) == (True, True, {}, [bound])


@pytest.mark.rule("D6")
def test_d6_key_that_was_widened_is_the_same_key() -> None:
    bound, differs = tables().bind(relation(columns=[("id", 23), ("name", 25)]), names)
    assert bound is not None
    assert (bound.keyless, differs) == (False, True)


@pytest.mark.rule("D6")
def test_d6_key_that_became_a_domain_over_its_kind_is_the_same_key() -> None:
    bound, differs = tables().bind(relation(columns=[("id", DOMAIN), ("name", 25)]), names)
    assert bound is not None
    assert (bound.keyless, differs) == (False, True)
    assert [column.kind.name for column in bound.encoder.plan.columns] == ["int4", "text"]


MOODS, MOOD = 70_002, 70_001


@pytest.mark.parametrize("told", [True, False])
def test_types_that_a_relation_brings_are_asked_for(told: bool) -> None:
    """Red where they stay unknown: one such column, and the next session asks for text."""
    shapes = (TypeShape(MOODS, ARRAY, (MOOD,)), TypeShape(MOOD, ENUM)) if told else ()

    def declared(types: object) -> list[DeclaredType]:
        return [DeclaredType(name, shapes=shapes) for name in ("bigint", "text", "mood[]")]

    bound, differs = tables().bind(relation(columns=[*COLUMNS, ("moods", MOODS)]), declared)
    assert bound is not None
    assert (bound.encoder.plan.binary, differs) == (told, True)
