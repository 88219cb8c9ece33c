"""
What our role may do, and what publication and tables must be like (pure): the requirements that the catalog shows.

The reader starts without most of them: it lets the server refuse what it needs, when it needs it.

Keeps: S5.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from cdc_reader.discovery.captures import REPLICATION, capture_of
from cdc_reader.discovery.catalog_rows import (
    IDENTITY_DEFAULT,
    PARTITIONED_TABLE,
    PLAIN_TABLE,
    UNLOGGED,
    Catalog,
    RelationRow,
    TableRow,
)
from cdc_reader.discovery.publication import publication_plan, quote_identifier, quote_table
from cdc_reader.postgres.requirements import Level, Requirement
from schemas.errors import AccessDenied, ServerSetting


@dataclass(frozen=True, slots=True)
class Rights:
    """
    What our role may do, and the OIDs of relations where something is lacking.

    `owns_publication` is None when there is none. `closed_schemas` hold types of keys, or their operators.
    """

    replication: bool
    may_create: bool
    owns_publication: bool | None
    unreadable: frozenset[int]
    not_owned: frozenset[int]
    hidden_rows: frozenset[int]
    forbidden_messages: tuple[str, ...]
    closed_schemas: tuple[str, ...] = ()


def right_requirements(catalog: Catalog, rights: Rights) -> Iterator[Requirement]:
    """What the role must be allowed, for what the catalog selects."""
    role = quote_identifier(catalog.server.user)
    yield _replication(rights, role)
    yield _select(catalog, rights, role)
    yield _key_types(rights, role)
    yield _row_security(catalog, rights, role)
    yield _messages(rights, role)


def _replication(rights: Rights, role: str) -> Requirement:
    expected = "the REPLICATION attribute"
    if rights.replication:
        return Requirement("rights.replication", expected, "REPLICATION")
    return _right("rights.replication", expected, "a role without it", f"ALTER ROLE {role} REPLICATION;")


def _select(catalog: Catalog, rights: Rights, role: str) -> Requirement:
    expected = "SELECT on every table"
    lacking = _named(catalog, rights.unreadable)
    if not lacking:
        return Requirement("rights.select", expected, f"SELECT on {len(catalog.tables)} tables")
    schemas = sorted({quote_identifier(relation.name.schema) for relation in lacking})
    remedy = f"GRANT USAGE ON SCHEMA {', '.join(schemas)} TO {role};\nGRANT SELECT ON {_listed(lacking)} TO {role};"
    return _right("rights.select", expected, f"none on {_short(lacking)}", remedy)


def _key_types(rights: Rights, role: str) -> Requirement:
    """Rule S8: rows are read by the operators of their key, named with their schema."""
    expected = "USAGE on the schemas of the keys' types and operators"
    if not rights.closed_schemas:
        return Requirement("rights.key_types", expected, "USAGE")
    schemas = ", ".join(map(quote_identifier, rights.closed_schemas))
    remedy = f"GRANT USAGE ON SCHEMA {schemas} TO {role};"
    return _right("rights.key_types", expected, f"none on {schemas}", remedy)


def _row_security(catalog: Catalog, rights: Rights, role: str) -> Requirement:
    """Rule S5: hidden rows would be missing in the index."""
    expected = "rows that no policy hides from us"
    hidden = _named(catalog, rights.hidden_rows)
    if not hidden:
        return Requirement("rights.row_security", expected, "no policy applies")
    found = f"row security on {_short(hidden)}"
    return _right("rights.row_security", expected, found, f"ALTER ROLE {role} BYPASSRLS;")


def _messages(rights: Rights, role: str) -> Requirement:
    """Snapshots and an idle slot need logical messages (rules S3, P3)."""
    expected = "EXECUTE on pg_logical_emit_message"
    if not rights.forbidden_messages:
        return Requirement("rights.logical_messages", expected, "EXECUTE")
    remedy = "\n".join(f"GRANT EXECUTE ON FUNCTION {each} TO {role};" for each in rights.forbidden_messages)
    return _right("rights.logical_messages", expected, "none", remedy)


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
        level, found = Level.ADVISED, f"{found}: the reader mends it when it starts"
    return Requirement("publication", expected, found, level, plan.sql, sql=True)


def _may_change(catalog: Catalog, rights: Rights, added: Collection[object]) -> bool:
    """Whether the reader's own rights suffice."""
    owner = rights.may_create if rights.owns_publication is None else rights.owns_publication
    return owner and not any(relation.name in added for relation in _named(catalog, rights.not_owned))


def table_requirements(catalog: Catalog) -> Iterator[Requirement]:
    """Whether every selected table can be replicated (rules D4, D5); the others are passed over."""
    expected = "every selected table to be captured by replication"
    others = [(table, capture_of(table)) for table in catalog.tables]
    others = [(table, capture) for table, capture in others if capture.mode != REPLICATION]
    if not others:
        yield Requirement("tables", expected, f"{len(catalog.tables)} tables")
    for table, capture in others:
        found = f"{table.name}: {capture.mode}, {capture.reason}"
        remedy, is_sql = _remedy(table)
        level = Level.WHOLE if table.relation.kind in (PLAIN_TABLE, PARTITIONED_TABLE) else Level.ADVISED
        yield Requirement(f"tables.{table.name}", expected, found, level, remedy, sql=is_sql)


def _remedy(table: TableRow) -> tuple[str, bool]:
    exclude = f"leave it out: add {str(table.name)!r} to the setting 'exclude'"
    if table.relation.kind not in (PLAIN_TABLE, PARTITIONED_TABLE):
        return exclude, False
    statements = [statement for relation in (table.relation, *table.leaves) for statement in _statements(relation)]
    if not statements:
        return exclude, False
    return "\n".join([*statements, f"-- or {exclude}"]), True


def _statements(relation: RelationRow) -> Iterator[str]:
    """SQL that makes a relation fit for replication, where there is some."""
    alter = f"ALTER TABLE {quote_table(relation.name)}"
    if relation.primary_key is None:
        yield f"{alter} ADD COLUMN row_number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY;"
        return
    if relation.persistence == UNLOGGED:
        yield f"{alter} SET LOGGED;"
    if relation.kind == PARTITIONED_TABLE:
        return
    if not relation.primary_key.immediate:
        yield f"{alter} REPLICA IDENTITY FULL;"
    elif relation.replica_identity != IDENTITY_DEFAULT:
        yield f"{alter} REPLICA IDENTITY DEFAULT;"


def _named(catalog: Catalog, oids: Collection[int]) -> list[RelationRow]:
    return [
        relation
        for table in catalog.tables
        if capture_of(table).mode == REPLICATION
        for relation in table.published
        if relation.oid in oids
    ]


def _listed(relations: Iterable[RelationRow]) -> str:
    return ", ".join(quote_table(relation.name) for relation in relations)


def _short(relations: list[RelationRow]) -> str:
    names = [str(relation.name) for relation in relations]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
