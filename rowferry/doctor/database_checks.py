"""What our role may do, and what slot, publication and tables must be like (pure)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

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
from cdc_reader.remedies import RESET
from rowferry.doctor.facts import DatabaseFacts, Names
from rowferry.doctor.findings import Finding, failed, ok, warning
from schemas.errors import ServerSetting

PLUGIN = "pgoutput"


def check_database(catalog: Catalog, facts: DatabaseFacts, names: Names) -> Iterator[Finding]:
    """Check rights, slot, publication and tables of what the catalog selects."""
    role = quote_identifier(catalog.server.user)
    yield _replication(facts, role)
    yield _select(catalog, facts, role)
    yield _row_security(catalog, facts, role)
    yield _messages(facts, role)
    yield _slot(catalog, facts, names.slot)
    yield _publication(catalog, facts, names.publication)
    yield from _tables(catalog)


def _replication(facts: DatabaseFacts, role: str) -> Finding:
    expected = "the REPLICATION attribute"
    if facts.replication:
        return ok("rights.replication", expected, "REPLICATION")
    return failed("rights.replication", expected, "a role without it", f"ALTER ROLE {role} REPLICATION;", sql=True)


def _select(catalog: Catalog, facts: DatabaseFacts, role: str) -> Finding:
    expected = "SELECT on every table"
    lacking = _named(catalog, facts.unreadable)
    if not lacking:
        return ok("rights.select", expected, f"SELECT on {len(catalog.tables)} tables")
    schemas = sorted({quote_identifier(relation.name.schema) for relation in lacking})
    remedy = f"GRANT USAGE ON SCHEMA {', '.join(schemas)} TO {role};\nGRANT SELECT ON {_listed(lacking)} TO {role};"
    return failed("rights.select", expected, f"none on {_short(lacking)}", remedy, sql=True)


def _row_security(catalog: Catalog, facts: DatabaseFacts, role: str) -> Finding:
    """Rule S5: hidden rows would be missing in the index."""
    expected = "rows that no policy hides from us"
    hidden = _named(catalog, facts.hidden_rows)
    if not hidden:
        return ok("rights.row_security", expected, "no policy applies")
    found = f"row security on {_short(hidden)}"
    return failed("rights.row_security", expected, found, f"ALTER ROLE {role} BYPASSRLS;", sql=True)


def _messages(facts: DatabaseFacts, role: str) -> Finding:
    """Snapshots and an idle slot need logical messages (rules S3, P3)."""
    expected = "EXECUTE on pg_logical_emit_message"
    if not facts.forbidden_messages:
        return ok("rights.logical_messages", expected, "EXECUTE")
    remedy = "\n".join(f"GRANT EXECUTE ON FUNCTION {each} TO {role};" for each in facts.forbidden_messages)
    return failed("rights.logical_messages", expected, "none", remedy, sql=True)


def _slot(catalog: Catalog, facts: DatabaseFacts, name: str) -> Finding:
    slot, database = facts.slot, catalog.server.database
    expected = f"slot {name!r} of {PLUGIN} in database {database!r}, read by a reader"
    if slot is None:
        return warning("slot", expected, "none yet", "cdc-reader run makes it when it starts for the first time")
    if slot.plugin != PLUGIN or slot.database != database:
        found = f"one of plugin {slot.plugin!r} in database {slot.database!r}"
        remedy = f"SELECT pg_drop_replication_slot('{name}'); -- if no one needs it, else choose another `slot`"
        return failed("slot", expected, found, remedy, sql=True)
    if slot.wal_status == "lost" or slot.invalid:
        found = f"one that lost its WAL ({slot.invalid or 'wal_status lost'})"
        return failed("slot", expected, found, f"raise max_slot_wal_keep_size; {RESET}")
    if slot.wal_status == "unreserved":
        return warning("slot", expected, "one that loses its WAL at the next checkpoint", "start the reader at once")
    if slot.active_pid is None:
        return warning("slot", expected, "one that no one reads", "cdc-reader run")
    return ok("slot", expected, f"active, {slot.wal_status}")


def _publication(catalog: Catalog, facts: DatabaseFacts, name: str) -> Finding:
    expected = f"publication {name!r} with the tables that are replicated, by name"
    try:
        plan = publication_plan(catalog, name)
    except ServerSetting as exc:
        return failed("publication", expected, exc.found, exc.remedy or "", sql=True)
    if not plan.statements:
        members = len(catalog.publication.members) if catalog.publication else 0
        return ok("publication", expected, f"{members} tables and partitions")
    if catalog.publication is None:
        found = "none"
    else:
        lacks = [f"without {len(plan.added)} of them"] if plan.added else []
        lacks += [f"with {len(plan.removed)} that break the application's writes"] if plan.removed else []
        found = "one " + (" and ".join(lacks) or "with other options")
    if _may_change(catalog, facts, plan.added):
        return warning("publication", expected, f"{found}: the reader mends it when it starts", plan.sql, sql=True)
    return failed("publication", expected, found, plan.sql, sql=True)


def _may_change(catalog: Catalog, facts: DatabaseFacts, added: Collection[object]) -> bool:
    """Whether the reader's own rights suffice."""
    owner = facts.may_create if facts.owns_publication is None else facts.owns_publication
    return owner and not any(relation.name in added for relation in _named(catalog, facts.not_owned))


def _tables(catalog: Catalog) -> Iterator[Finding]:
    expected = "every selected table to be captured by replication"
    others = [(table, capture_of(table)) for table in catalog.tables]
    others = [(table, capture) for table, capture in others if capture.mode != REPLICATION]
    if not others:
        yield ok("tables", expected, f"{len(catalog.tables)} tables")
    for table, capture in others:
        found = f"{table.name}: {capture.mode}, {capture.reason}"
        remedy, is_sql = _remedy(table)
        judge = failed if table.relation.kind in (PLAIN_TABLE, PARTITIONED_TABLE) else warning
        yield judge(f"tables.{table.name}", expected, found, remedy, sql=is_sql)


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
