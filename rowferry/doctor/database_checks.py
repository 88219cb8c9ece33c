"""What the database must be like (pure): all that the reader requires, met or not; the list is the reader's own.

Keeps: P12.
"""

from __future__ import annotations

from collections.abc import Iterator

from cdc_reader.discovery.catalog_rows import Catalog
from cdc_reader.discovery.requirements import publication_requirement, right_requirements, table_requirements
from cdc_reader.postgres.plugins import PGOUTPUT, plugin_requirements
from cdc_reader.postgres.requirements import Level, Requirement
from cdc_reader.postgres.server_requirements import server_requirements
from cdc_reader.postgres.slot_requirements import slot_requirement
from cdc_reader.progress.origins import Origin, difference
from cdc_reader.remedies import CORRECT_URL
from rowferry.doctor.facts import DatabaseFacts, Names
from rowferry.doctor.findings import Finding, failed, ok, warning
from schemas.offsets import Position


def check_database(catalog: Catalog, facts: DatabaseFacts, names: Names) -> Iterator[Finding]:
    """Check server, rights, slot, publication and tables of what the catalog selects."""
    return map(_finding, _requirements(catalog, facts, names))


def check_position(position: Position | None, server: Origin) -> Finding:
    """Whose position it is (rule P12): elsewhere, what else is found says nothing of the pipeline."""
    expected = "the database that the stored position belongs to"
    if (different := difference(position, server)) is None:
        found = "no position yet" if position is None else f"the position belongs to {server}"
        return ok("database.position", expected, found)
    return failed("database.position", expected, f"another one: {different}", CORRECT_URL)


def _requirements(catalog: Catalog, facts: DatabaseFacts, names: Names) -> Iterator[Requirement]:
    yield from server_requirements(facts.server, application_name=names.application, failover=names.failover)
    yield from right_requirements(catalog, facts.rights)
    yield from plugin_requirements(names.plugin, catalog.server.encoding, readable=facts.readable)
    yield slot_requirement(names.slot, facts.server.slot, database=catalog.server.database, plugin=names.plugin)
    if names.plugin == PGOUTPUT:
        yield publication_requirement(catalog, facts.rights, names.publication)
    yield from table_requirements(catalog)


def _finding(requirement: Requirement) -> Finding:
    if requirement.level is None:
        return ok(requirement.id, requirement.expected, requirement.found)
    judge = warning if requirement.level is Level.ADVISED else failed
    return judge(requirement.id, requirement.expected, requirement.found, requirement.remedy, sql=requirement.sql)
