"""
What the text of a column's values depends on beside the table: labels of enums, attributes of composites (rule D1).

`ALTER TYPE ... RENAME VALUE` rewrites the text of every row and sends nothing; so does an attribute that is added to a
composite, or dropped. Both may lie deep: under domains, in arrays, ranges, multiranges and composites.

A mark is one label (its row in `pg_enum`, so that renamed and named back is seen), or the whole shape of a composite.
A label that was added changes no value that is there: definitions that only gained marks are no other ones. (Nothing
else can be gained: another type below a column makes another column, another attribute another shape.)

Keeps: D1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cdc_reader.discovery.catalog_rows import TypeRow


def types_below(columns: Iterable[int], types: Mapping[int, TypeRow]) -> tuple[str, ...]:
    """The marks of all that lies below the types of columns (OIDs); types that are not known hold none."""
    marks: set[str] = set()
    seen: set[int] = set()
    waiting = list(columns)
    while waiting:
        oid = waiting.pop()
        if oid in seen or (found := types.get(oid)) is None:
            continue
        seen.add(oid)
        marks.update(found.marks)
        waiting.extend(found.parts)
    return tuple(sorted(marks))


def rewritten(known: tuple[str, ...] | None, now: tuple[str, ...]) -> bool:
    """Whether values that were read under the marks of then may have another text now.

    None are the marks of a reader that recorded none: what it read is not known.
    """
    return bool(now) if known is None else not set(known).issubset(now)
