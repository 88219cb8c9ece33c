"""
A PostgreSQL in memory: tables, a write-ahead log, and commits that are in the log before they are visible.

Rows are tuples of texts, `id` first, which is the key. A value longer than `LARGE` is stored out of line: an update
that leaves it as it was does not send it. What connections make of this is in `connections`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from cdc_reader.discovery.catalog_rows import Catalog, PublicationRow, ServerRow, TableRow
from tests.unit.cdc_reader import messages
from tests.unit.cdc_reader.discovery import catalogs

LARGE = 20
DATABASE, SYSTEM_ID = "shop", "7710590895706758353"
SETTINGS = {
    "wal_level": "logical",
    "synchronous_standby_names": "",
    "max_replication_slots": "10",
    "max_wal_senders": "10",
    "max_slot_wal_keep_size": "-1",
    "wal_sender_timeout": "60000",
}
Row = tuple[str | None, ...]
BIGINT, TEXT = catalogs.TYPE_OIDS["bigint"], catalogs.TYPE_OIDS["text"]
ITEMS = {"id": "bigint", "name": "text", "note": "text"}


class Change(NamedTuple):
    """What one statement did: to a row, to whole tables, or to nothing (a message)."""

    kind: str
    oid: int = 0
    old: Row | None = None
    new: Row | None = None
    oids: tuple[int, ...] = ()
    raw: bytes = b""


class Shape(NamedTuple):
    """A relation as it was when a transaction changed it."""

    name: str
    columns: tuple[tuple[str, int], ...]
    identity: str


class Done(NamedTuple):
    """A transaction whose commit record lies at `lsn`; `shapes` by OID."""

    xid: int
    lsn: int
    changes: tuple[Change, ...]
    commit_us: int
    shapes: dict[int, Shape]


@dataclass
class Clock:
    """Time that stands still but for what the test, and what waits, add to it."""

    seconds: float = 1_000.0

    def monotonic(self) -> float:
        return self.seconds

    def time(self) -> float:
        return messages.COMMIT_US / 1e6 + self.seconds

    def time_ns(self) -> int:
        return messages.COMMIT_US * 1_000 + int(self.seconds * 1e9)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass
class Source:
    """`hidden` are the xids that are committed and streamed, but not visible to other sessions yet.

    Rows of the `disordered` tables come in another order than that of their keys.
    """

    clock: Clock
    tables: dict[int, TableRow] = field(default_factory=dict)
    row_filters: dict[int, str] = field(default_factory=dict)
    done: list[Done] = field(default_factory=list)
    hidden: set[int] = field(default_factory=set)
    disordered: set[int] = field(default_factory=set)
    next_xid: int = 700
    lsn: int = 0x1000
    flushed: int = 0x1000
    flushes: bool = True
    sync_rep_shows: bool = False
    writers: set[str] = field(default_factory=set)
    locks: set[tuple[object, ...]] = field(default_factory=set)
    settings: dict[str, str] = field(default_factory=lambda: dict(SETTINGS))
    slots: dict[str, int] = field(default_factory=dict)
    statements: list[str] = field(default_factory=list)
    hooks: list[tuple[str, Callable[[], object]]] = field(default_factory=list)
    identity: str = "900:750"
    definitions: int = 0

    def create(self, name: str, oid: int, kinds: dict[str, str] | None = None, **more: object) -> int:
        """A table (with `leaves`: a partitioned one), published at once; its first column is its key."""
        leaves = more.pop("leaves", {})
        assert isinstance(leaves, dict)
        kind = "p" if leaves else "r"
        self.tables[oid] = catalogs.table(
            oid,
            name,
            kinds or ITEMS,
            kind=kind,
            leaves=tuple(catalogs.relation(leaf, each, kinds or ITEMS) for each, leaf in leaves.items()),
            **{"row_estimate": 0, **more},
        )
        return oid

    def drop(self, oid: int) -> None:
        del self.tables[oid]

    def rewrite(self, oid: int) -> None:
        """DDL that sends nothing: another `xmin` in the catalog."""
        self.definitions += 1
        table = self.tables[oid]
        attributes = tuple(replace(each, xmin=str(800 + self.definitions)) for each in table.relation.attributes)
        self.tables[oid] = replace(table, relation=replace(table.relation, attributes=attributes))

    def retype(self, oid: int, kinds: dict[str, str]) -> None:
        """DDL that the next change announces with another Relation message."""
        table = self.tables[oid]
        made = catalogs.relation(oid, table.name.name, kinds, row_estimate=0)
        self.tables[oid] = replace(table, relation=made)
        self.rewrite(oid)

    def identify(self, oid: int, identity: str) -> None:
        """Another replica identity: `d` is the key, `i` an index on the second column, `f` the whole row."""
        table = self.tables[oid]
        self.tables[oid] = replace(table, relation=replace(table.relation, replica_identity=identity))

    def shape(self, oid: int) -> Shape:
        for table in self.tables.values():
            for each in (table.relation, *table.leaves):
                if each.oid == oid:
                    columns = tuple((column.name, column.type_oid) for column in each.attributes)
                    return Shape(each.name.name, columns, each.replica_identity)
        raise KeyError(oid)

    def catalog(self) -> Catalog:
        server = ServerRow(180004, DATABASE, 5, "rowferry", False, "logical", SYSTEM_ID, 1)
        members = [(each.oid, each.name.name) for table in self.tables.values() for each in table.published]
        oid, xmin = self.identity.split(":")
        publication = catalogs.publication(*members, oid=int(oid), xmin=xmin)
        return Catalog(server, tuple(self.tables.values()), (), self._filtered(publication))

    def _filtered(self, publication: PublicationRow) -> PublicationRow:
        found = (replace(each, row_filter=self.row_filters.get(each.relation_oid)) for each in publication.members)
        # The rows of pg_publication_rel are those of the relation, whatever else comes or goes.
        return replace(publication, members=tuple(replace(each, oid=each.relation_oid + 50_000) for each in found))

    def transact(self, *changes: Change, hidden: bool = False) -> int:
        """Commit these changes; `hidden`: streamed, but not visible before `reveal`."""
        xid, self.next_xid = self.next_xid, self.next_xid + 1
        self.lsn += 0x100
        oids = {oid for change in changes for oid in (change.oid, *change.oids) if oid}
        shapes = {oid: self.shape(oid) for oid in oids}
        self.done.append(Done(xid, self.lsn, changes, messages.COMMIT_US + self.lsn, shapes))
        self.lsn += 0x10
        if hidden:
            self.hidden.add(xid)
        if self.flushes:
            self.flushed = self.lsn
        return xid

    def reveal(self) -> None:
        self.hidden.clear()

    def emit(self, content: str, prefix: str = "rowferry") -> None:
        self.transact(Change("message", raw=messages.wal_message(content, prefix=prefix)))

    def emitted(self, role: str) -> list[str]:
        """The contents of our messages that end so, in their order."""
        raws = [each.raw for done in self.done for each in done.changes if each.kind == "message"]
        contents = [raw[raw.index(b"\0", 10) + 5 :].decode() for raw in raws]
        return [content for content in contents if content.endswith(role)]

    def rows(self, oid: int, seen: Seen | None = None) -> dict[int, Row]:
        """The rows of a table (of a partitioned one: of all its leaves), as a snapshot sees them."""
        seen = self.snapshot() if seen is None else seen
        oids = {each.oid for each in self.tables[oid].published} if oid in self.tables else {oid}
        found: dict[tuple[int, int], Row] = {}
        for done in self.done[: seen.commits]:
            for change in done.changes if done.xid not in seen.hidden else ():
                _apply(found, change)
        return {key: row for (of, key), row in sorted(found.items(), key=lambda each: each[0][1]) if of in oids}

    def snapshot(self) -> Seen:
        return Seen(len(self.done), frozenset(self.hidden), self.next_xid)

    def before(self, words: str, action: Callable[[], object]) -> None:
        """Do something once, just before the next statement that holds these words."""
        self.hooks.append((words, action))

    def asked(self, statement: str) -> None:
        self.statements.append(statement)
        for hook in [hook for hook in self.hooks if hook[0] in statement]:
            self.hooks.remove(hook)
            hook[1]()


class Seen(NamedTuple):
    """A snapshot: the first `commits` transactions but those that were `hidden`."""

    commits: int
    hidden: frozenset[int]
    xmax: int

    @property
    def text(self) -> str:
        running = sorted(self.hidden)
        return f"{running[0] if running else self.xmax}:{self.xmax}:{','.join(map(str, running))}"


def _apply(rows: dict[tuple[int, int], Row], change: Change) -> None:
    for key in [key for key in rows if key[0] in change.oids]:
        del rows[key]
    if change.old is not None:
        rows.pop((change.oid, int(change.old[0] or 0)), None)
    if change.new is not None:
        rows[change.oid, int(change.new[0] or 0)] = change.new


def inserted(oid: int, *row: str | None) -> Change:
    return Change("insert", oid, None, row)


def updated(oid: int, old: Row, new: Row) -> Change:
    return Change("update", oid, old, new)


def deleted(oid: int, *row: str | None) -> Change:
    return Change("delete", oid, row, None)


def truncated(*oids: int) -> Change:
    return Change("truncate", oids=oids)
