"""
What a table's definition is, and whether it is still the one that its rows were read by (rule D1).

Each relation has a mark of three parts: its structure (what rows mean), the `xmin` of its columns (which all DDL on
one changes, also SET STATISTICS), and its file (which every rewrite changes, also VACUUM FULL). DDL that gives rows
other values and keeps the structure does both: it alters a column and rewrites. So what rows mean is the same while
the structure is, and not both of the others differ. What is altered and altered back without a rewrite is met by the
Relation messages that the stream sent meanwhile (`tables.captured`).

A partitioned table has a mark for each leaf (rule D3): one that is gone took its rows along, one that came holds rows
that were not read. The name of a relation is in no mark: a table's name is the key of all that is kept of it, and a
leaf's means nothing.

Keeps: D1, D3.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from cdc_reader.discovery.catalog_rows import RelationRow, TableRow

_LENGTH = 32  # 128 bits: no two definitions of one table ever meet
_PART_LENGTH = 16  # a table has thousands of leaves; 64 bits are enough between two of one relation

CHANGED = "the table's definition changed"
MADE_AGAIN = "the table was dropped and recreated"
LEAF_GONE = "a partition is gone"


@dataclass(frozen=True, slots=True)
class Definition:
    """A table's fingerprint, the types below its columns, and the mark of each relation that holds its rows, by OID."""

    fingerprint: str
    types: tuple[str, ...] = ()
    marks: Mapping[int, str] = field(default_factory=dict)


def definition(table: TableRow) -> Definition:
    """The definition of a table as it is now."""
    return Definition(fingerprint(table), table.relation.types, marks(table))


def fingerprint(table: TableRow) -> str:
    """Of the structure of a table and its leaves: 32 hexadecimal digits."""
    return _digest([[each.oid, _structure(each)] for each in _relations(table)], _LENGTH)


def marks(table: TableRow) -> dict[int, str]:
    """The mark of the table and of each leaf, by OID."""
    return {each.oid: _mark(each) for each in _relations(table)}


def why_other(oid: int, known: Mapping[int, str], now: Mapping[int, str]) -> str | None:
    """Why rows that were read by the marks `known` must be read again and swept; None while they need not.

    `oid` is the table's own. Leaves that came are no reason: see `leaves_added`.
    """
    if oid not in known:
        return MADE_AGAIN
    if not known.keys() <= now.keys():
        return LEAF_GONE
    return None if all(_same(mark, now[each]) for each, mark in known.items()) else CHANGED


def leaves_added(known: Mapping[int, str], now: Mapping[int, str]) -> frozenset[int]:
    """The leaves, by OID, that came since."""
    return frozenset(now.keys() - known.keys())


def is_same(oid: int, known: Definition, now: Definition) -> bool:
    """Whether all that was read by one definition would be read the same by the other, leaf by leaf."""
    same = (known.fingerprint, known.types) == (now.fingerprint, now.types)
    return same and why_other(oid, known.marks, now.marks) is None


def former_fingerprint(table: TableRow) -> str:
    """What earlier releases recorded, and read all rows again for whenever it changed: it has the `xmin` in it."""
    described: list[object] = [_former(table.relation)]
    described += (_former(leaf) for leaf in sorted(table.leaves, key=lambda leaf: leaf.oid))
    return _digest(described, _LENGTH)


def _relations(table: TableRow) -> list[RelationRow]:
    return [table.relation, *sorted(table.leaves, key=lambda leaf: leaf.oid)]


def _mark(relation: RelationRow) -> str:
    columns = [[row.number, row.xmin] for row in relation.attributes]
    return f"{_digest(_structure(relation), _PART_LENGTH)}:{_digest(columns, _PART_LENGTH)}:{relation.file}"


def _same(known: str, now: str) -> bool:
    structure, columns, file = known.split(":")
    structure_now, columns_now, file_now = now.split(":")
    return structure == structure_now and (columns == columns_now or file == file_now)


def _structure(relation: RelationRow) -> list[object]:
    """What the values of rows depend on; NOT NULL, defaults and statistics are none of it.

    A partition that was detached for a time may have been changed unpublished: it is by its root where that is the
    member of the publication.
    """
    return [
        relation.replica_identity,
        [*relation.parents, *relation.attached],
        [[row.number, row.name, row.type_oid, row.typmod, row.dropped, row.generated] for row in relation.attributes],
    ]


def _former(relation: RelationRow) -> list[object]:
    return [
        relation.oid,
        relation.name.schema,
        relation.name.name,
        relation.replica_identity,
        list(relation.parents),
        [
            [row.number, row.name, row.type_oid, row.typmod, row.not_null, row.dropped, row.generated, row.xmin]
            for row in relation.attributes
        ],
    ]


def _digest(described: object, length: int) -> str:
    text = json.dumps(described, ensure_ascii=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()[:length]
