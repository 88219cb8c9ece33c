"""Rule D1: what the text of values depends on beside the table."""

from __future__ import annotations

import pytest

from cdc_reader.discovery.catalog_rows import TypeRow
from cdc_reader.discovery.value_types import rewritten, types_below

TYPES = {
    each.oid: each
    for each in (
        TypeRow(10, (), ("label 1.700 open", "label 2.700 done")),
        TypeRow(11, (10,)),  # a domain
        TypeRow(12, (11,)),  # an array of it
        TypeRow(13, (12, 25), ("row 13 1:12:-1,2:25:-1",)),  # a composite
        TypeRow(14, (13, 14)),  # one that would go round
        TypeRow(20, (), ("label 9.700 x",)),
    )
}
LABELS = ("label 1.700 open", "label 2.700 done")


@pytest.mark.rule("D1")
@pytest.mark.parametrize(
    ("columns", "marks"),
    {
        "a base type": ([23], ()),
        "an enum": ([23, 10], LABELS),
        "an array of a domain": ([12], LABELS),
        "a composite of it": ([13], (*LABELS, "row 13 1:12:-1,2:25:-1")),
        "deeper": ([14], (*LABELS, "row 13 1:12:-1,2:25:-1")),
        "several": ([20, 12, 12], (*LABELS, "label 9.700 x")),
    }.values(),
)
def test_d1_types_are_looked_through(columns: list[int], marks: tuple[str, ...]) -> None:
    assert types_below(columns, TYPES) == marks


CASES = {
    "the same": (LABELS, LABELS, False),
    "none at all": ((), (), False),
    "a label more": (LABELS, (*LABELS, "label 3.750 new"), False),
    "a label renamed": (LABELS, ("label 1.800 opened", LABELS[1]), True),
    "a label renamed and named back": (LABELS, ("label 1.801 open", LABELS[1]), True),
    "another shape": (("row 13 1:23:-1",), ("row 13 1:23:-1,2:25:-1",), True),
    "not recorded, and there is something": (None, LABELS, True),
    "not recorded, and there is nothing": (None, (), False),
}


@pytest.mark.rule("D1")
@pytest.mark.parametrize(("known", "now", "found"), CASES.values(), ids=CASES)
def test_d1_values_may_be_rewritten_by_all_but_an_added_label(
    known: tuple[str, ...] | None, now: tuple[str, ...], found: bool
) -> None:
    assert rewritten(known, now) is found
