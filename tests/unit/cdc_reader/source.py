"""
A PostgreSQL in memory: tables, a write-ahead log, and commits that are in the log before they are visible.

Rows are tuples of texts, `id` first, which is the key. A value longer than `LARGE` is stored out of line: an update
that leaves it as it was does not send it. What connections make of this is in `connections`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from cdc_reader.discovery.catalog_rows import (
    Catalog,
    ForeignKeyRow,
    PublicationMember,
    PublicationRow,
    ServerRow,
    TableRow,
)
from schemas.errors import RecordError
from tests.unit.cdc_reader import messages
from tests.unit.cdc_reader.clock import Clock
from tests.unit.cdc_reader.discovery import catalogs
from tests.unit.cdc_reader.slots import SlotFacts

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
    """A transaction whose commit record lies at `lsn`; `shapes` by OID; changes of `unsent` were not published."""

    xid: int
    lsn: int
    changes: tuple[Change, ...]
    commit_us: int
    shapes: dict[int, Shape]
    unsent: frozenset[int] = frozenset()


@dataclass
class Source:
    """`hidden` are the xids that are committed and streamed, but not visible to other sessions yet.

    Rows of the `disordered` tables come in another order than that of their keys. Tables are published but for the
    `unpublished`, and the `unpublished_leaves`; those of `others_leaves` belong to another role. Statements that hold
    `refuses` fail as those do whose values are none of a type; those that hold words of `failing` fail with that error.
    """

    clock: Clock
    tables: dict[int, TableRow] = field(default_factory=dict)
    row_filters: dict[int, str] = field(default_factory=dict)
    done: list[Done] = field(default_factory=list)
    hidden: set[int] = field(default_factory=set)
    disordered: set[int] = field(default_factory=set)
    next_xid: int = 700
    ended: int = 699
    lsn: int = 0x1000
    flushed: int = 0x1000
    flushes: bool = True
    writers: set[str] = field(default_factory=set)
    writers_of: dict[int, set[str]] = field(default_factory=dict)
    failing: dict[str, Exception] = field(default_factory=dict)
    remembered: dict[int, str] = field(default_factory=dict)
    locks: set[tuple[object, ...]] = field(default_factory=set)
    settings: dict[str, str] = field(default_factory=lambda: dict(SETTINGS))
    slots: dict[str, int] = field(default_factory=dict)
    slot_facts: SlotFacts = field(default_factory=SlotFacts)
    version: int = 180004
    database: str = DATABASE
    system_id: str = SYSTEM_ID
    timeline: int = 1
    switched_at: int = 0
    unpublished: set[int] = field(default_factory=set)
    unpublished_leaves: set[int] = field(default_factory=set)
    others_leaves: set[int] = field(default_factory=set)
    statements: list[str] = field(default_factory=list)
    hooks: list[tuple[str, Callable[[], object]]] = field(default_factory=list)
    identity: str = "900:750"
    definitions: int = 0
    foreign_keys: list[ForeignKeyRow] = field(default_factory=list)
    refuses: str = ""
    forbidden: tuple[str, ...] = ()
    locked: set[int] = field(default_factory=set)

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
            leaves=tuple(
                catalogs.relation(leaf, each, kinds or ITEMS, row_estimate=0) for each, leaf in leaves.items()
            ),
            **{"row_estimate": 0, **more},
        )
        return oid

    def publish(self, statement: str) -> None:
        """ALTER PUBLICATION, by one of the members or by others."""
        self.unpublished.clear()
        for table in self.tables.values():
            named = {leaf.oid for leaf in table.leaves if f'"{leaf.name.name}"' in statement}
            self.unpublished_leaves -= named

    def drop(self, oid: int) -> None:
        del self.tables[oid]

    def attach(self, oid: int, leaf: int, name: str, row_estimate: int = 0) -> None:
        """Another partition of a partitioned table; rows of this OID may be there already."""
        table = self.tables[oid]
        kinds = {column.name: column.type for column in table.relation.columns}
        added = catalogs.relation(leaf, name, kinds, row_estimate=row_estimate)
        self.tables[oid] = replace(table, leaves=(*table.leaves, added))
        self.unpublished_leaves.add(leaf)

    def unpublish(self, leaf: int) -> None:
        """ALTER PUBLICATION ... DROP TABLE, of a partition; added again it has another row."""
        self.unpublished_leaves.add(leaf)
        self.remembered[leaf] = "760"

    def detach(self, oid: int, leaf: int) -> None:
        """DETACH, or DROP, of a partition."""
        table = self.tables[oid]
        self.tables[oid] = replace(table, leaves=tuple(each for each in table.leaves if each.oid != leaf))

    def rewrite(self, oid: int) -> None:
        """DDL that sends nothing: another `xmin` in the catalog, and another file."""
        self.touch(oid)
        self.move(oid)

    def touch(self, oid: int) -> None:
        """DDL that no row depends on, as SET STATISTICS is: another `xmin` in the catalog."""
        self.definitions += 1
        table = self.tables[oid]
        attributes = tuple(replace(each, xmin=str(800 + self.definitions)) for each in table.relation.attributes)
        self.tables[oid] = replace(table, relation=replace(table.relation, attributes=attributes))

    def move(self, oid: int) -> None:
        """VACUUM FULL: another file."""
        self.definitions += 1
        table = self.tables[oid]
        self.tables[oid] = replace(table, relation=replace(table.relation, file=self.definitions))

    def default(self, oid: int, column: str, expression: str) -> None:
        """SET DEFAULT."""
        self.touch(oid)
        table = self.tables[oid]
        columns = tuple(
            replace(each, default=expression) if each.name == column else each for each in table.relation.columns
        )
        self.tables[oid] = replace(table, relation=replace(table.relation, columns=columns))

    def rename(self, oid: int, **names: str) -> None:
        """RENAME COLUMN, of some at once; nothing is rewritten."""
        self.touch(oid)
        table = self.tables[oid]
        made = replace(
            table.relation,
            columns=tuple(replace(each, name=names.get(each.name, each.name)) for each in table.relation.columns),
            attributes=tuple(replace(each, name=names.get(each.name, each.name)) for each in table.relation.attributes),
        )
        self.tables[oid] = replace(table, relation=made)

    def label(self, oid: int, *labels: str) -> None:
        """The labels of enums that the table's values are of."""
        table = self.tables[oid]
        self.tables[oid] = replace(table, relation=replace(table.relation, types=labels))

    def describe(self, oid: int, text: str) -> None:
        """COMMENT ON TABLE."""
        table = self.tables[oid]
        self.tables[oid] = replace(table, relation=replace(table.relation, description=text))

    def refer(self, oid: int, column: str, target: int) -> None:
        """ADD FOREIGN KEY, from a column to the key of a table."""
        keys = self.tables[target].relation.key_columns
        self.foreign_keys.append(ForeignKeyRow(f"key_{len(self.foreign_keys)}", oid, (column,), target, keys))

    def rekey(self, oid: int, key: str) -> None:
        """Another primary key, of these columns (by commas), or none; nothing else of the definition changes."""
        table = self.tables[oid]
        kinds = {column.name: column.type for column in table.relation.columns}
        made = catalogs.relation(oid, table.name.name, kinds, key=key)
        relation = replace(table.relation, primary_key=made.primary_key, key_order=made.key_order)
        self.tables[oid] = replace(table, relation=relation)

    def retype(self, oid: int, kinds: dict[str, str]) -> None:
        """DDL that the next change announces with another Relation message; the first column is the key."""
        table = self.tables[oid]
        made = catalogs.relation(oid, table.name.name, kinds, key=next(iter(kinds)), row_estimate=0)
        self.tables[oid] = replace(table, relation=made)
        self.rewrite(oid)

    def identify(self, oid: int, identity: str) -> None:
        """Another replica identity: `d` is the key, `i` an index on the second column, `f` the whole row."""
        table = self.tables[oid]
        self.tables[oid] = replace(table, relation=replace(table.relation, replica_identity=identity))

    def shape(self, oid: int) -> Shape:
        for table in self.tables.values():
            for each in table.relations:
                if each.oid == oid:
                    columns = tuple((column.name, column.type_oid) for column in each.attributes)
                    return Shape(each.name.name, columns, each.replica_identity)
        raise KeyError(oid)

    def catalog(self) -> Catalog:
        level = self.settings["wal_level"]
        server = ServerRow(self.version, self.database, 5, "rowferry", False, level, self.system_id, 1)
        published = [table for oid, table in self.tables.items() if oid not in self.unpublished]
        published_relations = [each for table in published for each in table.published]
        members = [
            (each.oid, each.name.name) for each in published_relations if each.oid not in self.unpublished_leaves
        ]
        oid, xmin = self.identity.split(":")
        publication = catalogs.publication(*members, oid=int(oid), xmin=xmin)
        tables = tuple(map(self._owned, self.tables.values()))
        return Catalog(server, tables, tuple(self.foreign_keys), self._filtered(publication))

    def _owned(self, table: TableRow) -> TableRow:
        return replace(
            table, leaves=tuple(replace(leaf, owned=leaf.oid not in self.others_leaves) for leaf in table.leaves)
        )

    def _filtered(self, publication: PublicationRow) -> PublicationRow:
        found = (self._with_filter(each) for each in publication.members)
        # The rows of pg_publication_rel are those of the relation, whatever else comes or goes.
        return replace(
            publication,
            members=tuple(
                replace(each, oid=each.relation_oid + 50_000, xmin=self.remembered.get(each.relation_oid, each.xmin))
                for each in found
            ),
        )

    def _with_filter(self, member: PublicationMember) -> PublicationMember:
        """A lock hides the text of a row filter."""
        text, oid = self.row_filters.get(member.relation_oid), member.relation_oid
        hidden = text is not None and oid in self.locked
        return replace(member, row_filter=None if hidden else text, filter_unread=hidden)

    def transact(self, *changes: Change, hidden: bool = False, xid: int | None = None) -> int:
        """Commit these changes; `hidden`: streamed, but not visible before `reveal`; `xid`: begun before."""
        xid = self.begin() if xid is None else xid
        self.lsn += 0x100
        oids = {oid for change in changes for oid in (change.oid, *change.oids) if oid}
        shapes = {oid: self.shape(oid) for oid in oids}
        unsent = frozenset(self.unpublished_leaves)
        self.done.append(Done(xid, self.lsn, changes, messages.COMMIT_US + self.lsn, shapes, unsent))
        self.lsn += 0x10
        if hidden:
            self.hidden.add(xid)
        else:
            self.ended = max(self.ended, xid)
        if self.flushes:
            self.flushed = self.lsn
        return xid

    def begin(self) -> int:
        """The xid of a transaction that is committed later."""
        xid, self.next_xid = self.next_xid, self.next_xid + 1
        return xid

    def writers_at(self, oids: Sequence[int]) -> set[str]:
        """Who writes to one of these relations: `writers` do to all of them."""
        return self.writers.union(*(self.writers_of.get(oid, set()) for oid in oids))

    def take_xid(self) -> int:
        """A transaction that has an xid, writes nothing and ends at once."""
        self.ended = self.begin()
        return self.ended

    def reveal(self) -> None:
        self.ended = max(self.ended, *self.hidden, 0)
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
        return {key: row for (_, key), row in self.rows_of_leaves(oid, seen).items()}

    def rows_of_leaves(self, oid: int, seen: Seen | None = None) -> dict[tuple[int, int], Row]:
        """The same, by the OID of the leaf that holds a row, and its key; in the order of keys."""
        seen = self.snapshot() if seen is None else seen
        oids = {each.oid for each in self.tables[oid].published} if oid in self.tables else {oid}
        found: dict[tuple[int, int], Row] = {}
        for done in self.done[: seen.commits]:
            for change in done.changes if done.xid not in seen.hidden else ():
                _apply(found, change)
        return {of: row for of, row in sorted(found.items(), key=lambda each: each[0][1]) if of[0] in oids}

    def snapshot(self) -> Seen:
        return Seen(len(self.done), frozenset(self.hidden), self.ended + 1)

    def before(self, words: str, action: Callable[[], object]) -> None:
        """Do something once, just before the next statement that holds these words."""
        self.hooks.append((words, action))

    def asked(self, statement: str) -> None:
        self.statements.append(statement)
        for hook in [hook for hook in self.hooks if hook[0] in statement]:
            self.hooks.remove(hook)
            hook[1]()
        for words, error in self.failing.items():
            if words in statement:
                raise error
        if self.refuses and self.refuses in statement:
            raise RecordError("cannot read: a value is not of the column's type")


class Seen(NamedTuple):
    """A snapshot: the first `commits` transactions but those that were `hidden`.

    `xmax` lies behind the greatest xid that has ended; what is hidden from there on is not named as running.
    """

    commits: int
    hidden: frozenset[int]
    xmax: int

    @property
    def text(self) -> str:
        running = sorted(xid for xid in self.hidden if xid < self.xmax)
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
