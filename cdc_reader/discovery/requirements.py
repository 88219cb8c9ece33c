"""
What our role may do, and what publication and tables must be like (pure): the requirements that the catalog shows.

The reader starts without most of them: it lets the server refuse what it needs, when it needs it.

Keeps: S5.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from cdc_reader.discovery.captures import CAPTURED, REPLICATION, capture_of
from cdc_reader.discovery.catalog_rows import (
    PARTITIONED_TABLE,
    PLAIN_TABLE,
    Catalog,
    SetAside,
    TableRow,
)
from cdc_reader.discovery.forbidden_tables import why_hidden, why_unreadable
from cdc_reader.discovery.publication import publication_plan, quote_identifier
from cdc_reader.discovery.table_remedies import table_remedy
from cdc_reader.postgres.requirements import Level, Requirement
from schemas.errors import AccessDenied, ServerSetting, Sql


@dataclass(frozen=True, slots=True)
class Rights:
    """
    What our role may do beside what the catalog tells of each table (`forbidden_tables`).

    `owns_publication` is None when there is none. `closed_schemas` hold types of keys, or their operators.
    """

    replication: bool
    may_create: bool
    owns_publication: bool | None
    forbidden_messages: tuple[str, ...]
    closed_schemas: tuple[str, ...] = ()


def right_requirements(catalog: Catalog, rights: Rights) -> Iterator[Requirement]:
    """What the role must be allowed, for what the catalog selects."""
    role = quote_identifier(catalog.server.user)
    yield _replication(rights, role)
    yield _select(catalog)
    yield _key_types(rights, role)
    yield _row_security(catalog)
    yield _messages(rights, role)


def _replication(rights: Rights, role: str) -> Requirement:
    expected = "the REPLICATION attribute"
    if rights.replication:
        return Requirement("rights.replication", expected, "REPLICATION")
    return _right("rights.replication", expected, "a role without it", f"ALTER ROLE {role} REPLICATION;")


def _select(catalog: Catalog) -> Requirement:
    expected = "SELECT on every table"
    lacking = _lacking(catalog, lambda table: why_unreadable(table, catalog.server.user, catalog.publication))
    if not lacking:
        return Requirement("rights.select", expected, f"SELECT on {len(catalog.tables)} tables")
    return _right("rights.select", expected, f"none on {_short(lacking)}", _remedies(lacking))


def _key_types(rights: Rights, role: str) -> Requirement:
    """Rule S8: rows are read by the operators of their key, named with their schema."""
    expected = "USAGE on the schemas of the keys' types and operators"
    if not rights.closed_schemas:
        return Requirement("rights.key_types", expected, "USAGE")
    schemas = ", ".join(map(quote_identifier, rights.closed_schemas))
    remedy = f"GRANT USAGE ON SCHEMA {schemas} TO {role};"
    return _right("rights.key_types", expected, f"none on {schemas}", remedy)


def _row_security(catalog: Catalog) -> Requirement:
    """Rule S5: hidden rows would be missing in the index."""
    expected = "rows that no policy hides from us"
    hidden = _lacking(catalog, lambda table: why_hidden(table, catalog.server.user))
    if not hidden:
        return Requirement("rights.row_security", expected, "no policy applies")
    return _right("rights.row_security", expected, f"row security on {_short(hidden)}", _remedies(hidden))


def _messages(rights: Rights, role: str) -> Requirement:
    """Snapshots and an idle slot need logical messages (rules S3, P3)."""
    expected = "EXECUTE on pg_logical_emit_message"
    if not rights.forbidden_messages:
        return Requirement("rights.logical_messages", expected, "EXECUTE")
    found = "none: no table can be read whole, new and changed ones wait; changes are streamed"
    return _right("rights.logical_messages", expected, found, messages_remedy(rights.forbidden_messages, role))


def messages_remedy(forbidden: Iterable[str], role: str) -> Sql:
    """The right to write messages, for a role as SQL names it."""
    return Sql("\n".join(f"GRANT EXECUTE ON FUNCTION {each} TO {role};" for each in forbidden))


def _right(check: str, expected: str, found: str, remedy: str) -> Requirement:
    """A right that is missing."""
    return Requirement(check, expected, found, Level.WHOLE, remedy, sql=True, error=AccessDenied)


def publication_requirement(catalog: Catalog, rights: Rights, name: str) -> Requirement:
    """Whether the publication has what is replicated; what the reader may change, it changes when it starts."""
    expected = f"publication {name!r} with the tables that are replicated, by name"
    try:
        plan = publication_plan(catalog, name)
    except ServerSetting as exc:
        return Requirement("publication", expected, exc.found, Level.START, exc.remedy or "", sql=True)
    if not plan.statements:
        members = len(catalog.publication.members) if catalog.publication else 0
        return Requirement("publication", expected, f"{members} tables and partitions")
    if catalog.publication is None:
        found = "none"
    else:
        lacks = [f"without {len(plan.added)} of them"] if plan.added else []
        lacks += [f"with {len(plan.removed)} that break the application's writes"] if plan.removed else []
        found = "one " + (" and ".join(lacks) or "with other options")
    level = Level.WHOLE
    if _may_change(catalog, rights, plan.added):
        level, found = Level.ADVISED, f"{found}: the reader changes that when it starts"
    return Requirement("publication", expected, found, level, plan.sql, sql=True)


def _may_change(catalog: Catalog, rights: Rights, added: Collection[object]) -> bool:
    """Whether the reader's own rights suffice."""
    owner = rights.may_create if rights.owns_publication is None else rights.owns_publication
    published = (relation for table in catalog.tables for relation in table.published)
    return owner and all(relation.owned for relation in published if relation.name in added)


def table_requirements(catalog: Catalog) -> Iterator[Requirement]:
    """Whether every selected table can be replicated (rules D4, D5); the others are passed over, as are partitions."""
    expected = "every selected table to be captured by replication"
    others = [(table, capture_of(table)) for table in catalog.tables]
    others = [(table, capture) for table, capture in others if capture.mode != REPLICATION]
    if not others:
        yield Requirement("tables", expected, f"{len(catalog.tables)} tables")
    for table, capture in others:
        found = f"{table.name}: {capture.mode}, {capture.reason}"
        remedy, is_sql = table_remedy(table)
        whole = table.relation.kind in (PLAIN_TABLE, PARTITIONED_TABLE) and capture.mode not in CAPTURED
        level = Level.WHOLE if whole else Level.ADVISED
        yield Requirement(f"tables.{table.name}", expected, found, level, remedy, sql=is_sql)
    expected = "every partition to be captured with its table"
    for table in catalog.tables:
        for each in table.waiting:
            found, name = f"{each.relation.name} of {table.name} waits: {each.why.reason}", each.relation.name
            yield Requirement(f"tables.{name}", expected, found, Level.WHOLE, each.why.remedy, sql=each.why.sql)


def _lacking(catalog: Catalog, judge: Callable[[TableRow], SetAside | None]) -> list[tuple[TableRow, SetAside]]:
    """The tables to be captured that a judgement of the reader's sets aside."""
    captured = [table for table in catalog.tables if capture_of(table).mode == REPLICATION]
    judged = [(table, judge(table)) for table in captured]
    return [(table, found) for table, found in judged if found is not None]


def _remedies(lacking: Iterable[tuple[TableRow, SetAside]]) -> str:
    """What helps all of them, each statement once."""
    return "\n".join(dict.fromkeys(line for _, found in lacking for line in found.remedy.splitlines()))


def _short(lacking: Sequence[tuple[TableRow, SetAside]]) -> str:
    names = [str(table.name) for table, _ in lacking]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
