"""
Whether the source is still defined as it was when the session began (rule D1).

DDL may send nothing at all, so definitions are compared at every heartbeat, at every Relation message that differs,
and before every sweep. Reads run in side workers.

Keeps: D1.
"""

from __future__ import annotations

from dataclasses import replace

from cdc_reader.discovery.captures import capture_of
from cdc_reader.discovery.catalog import read_catalog
from cdc_reader.discovery.catalog_rows import Catalog
from cdc_reader.discovery.fingerprints import fingerprint
from cdc_reader.discovery.publication import publication_mark
from cdc_reader.discovery.selection import Selection
from cdc_reader.postgres.connections import translated
from cdc_reader.postgres.workers import Worker
from cdc_reader.settings import ReaderSettings
from schemas.errors import SettingsError
from schemas.names import TableName
from schemas.offsets import PublicationMark

# DDL that holds its lock longer is met again at the next heartbeat; until then others need the worker.
_LOCK_WAIT_S = 3


class Definitions:
    """What the session began with, and how it is read again."""

    def __init__(self, settings: ReaderSettings, catalog: Catalog) -> None:
        self._settings = settings
        self._selection = replace(Selection.of(settings.tables, settings.exclude), required=False)
        self._known = _described(catalog)

    def changes(self, worker: Worker) -> str | None:
        """The first difference, in words; None when all is as it was.

        Raises `TransientError` when a table's definition is locked for longer than a few seconds.
        """
        with translated("limit the wait for locks"):
            worker.connection.execute(f"SET lock_timeout = '{_LOCK_WAIT_S}s'")
        catalog = read_catalog(worker.connection, self._selection, publication=self._settings.publication)
        return difference(self._known, _described(catalog))

    def fingerprint(self, worker: Worker, table: TableName) -> str:
        """The fingerprint of one table now; empty when it is gone."""
        try:
            catalog = read_catalog(worker.connection, Selection(tables=frozenset({table}), exclude=frozenset()))
        except SettingsError:
            return ""
        return fingerprint(catalog.table(table))


Described = tuple[dict[TableName, tuple[str, str]], PublicationMark | None]


def _described(catalog: Catalog) -> Described:
    tables = {table.name: (fingerprint(table), capture_of(table).mode) for table in catalog.tables}
    return tables, publication_mark(catalog.publication) if catalog.publication else None


def difference(known: Described, now: Described) -> str | None:
    """What changed between two descriptions, for the log; None when nothing did."""
    for name in sorted(known[0].keys() | now[0].keys()):
        if name not in now[0]:
            return f"table {name} is gone"
        if name not in known[0]:
            return f"table {name} is new"
        if known[0][name] != now[0][name]:
            return f"the definition of {name} changed"
    return None if known[1] == now[1] else "the publication changed"
