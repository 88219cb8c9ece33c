"""What the database must be like (pure): all that the reader requires, met or not; the list is the reader's own."""

from __future__ import annotations

from collections.abc import Iterator

from cdc_reader.discovery.catalog_rows import Catalog
from cdc_reader.discovery.requirements import publication_requirement, right_requirements, table_requirements
from cdc_reader.postgres.requirements import Level, Requirement
from cdc_reader.postgres.server_requirements import server_requirements
from cdc_reader.postgres.slot_requirements import slot_requirement
from rowferry.doctor.facts import DatabaseFacts, Names
from rowferry.doctor.findings import Finding, failed, ok, warning


def check_database(catalog: Catalog, facts: DatabaseFacts, names: Names) -> Iterator[Finding]:
    """Check server, rights, slot, publication and tables of what the catalog selects."""
    return map(_finding, _requirements(catalog, facts, names))


def _requirements(catalog: Catalog, facts: DatabaseFacts, names: Names) -> Iterator[Requirement]:
    yield from server_requirements(facts.server, application_name=names.application)
    yield from right_requirements(catalog, facts.rights)
    yield slot_requirement(names.slot, facts.server.slot, database=catalog.server.database)
    yield publication_requirement(catalog, facts.rights, names.publication)
    yield from table_requirements(catalog)


def _finding(requirement: Requirement) -> Finding:
    if requirement.level is None:
        return ok(requirement.id, requirement.expected, requirement.found)
    judge = warning if requirement.level is Level.ADVISED else failed
    return judge(requirement.id, requirement.expected, requirement.found, requirement.remedy, sql=requirement.sql)
