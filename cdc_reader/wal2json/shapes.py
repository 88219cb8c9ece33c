"""
The shape of a table as its lines tell it, and what a Relation message says of it (pure; rule D1).

wal2json tells no definitions: each line has the names and OIDs of types of the columns that it carries. An insert
carries them all. An update leaves out those whose large values did not change, so a column that is missing there is
one of those where its type may be large, and was dropped where it may not.

Keeps: D1, D4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cdc_reader.discovery.catalog_rows import IDENTITY_DEFAULT, IDENTITY_FULL, IDENTITY_INDEX, IDENTITY_NOTHING
from cdc_reader.wal2json import wire
from cdc_reader.wal2json.lines import shown
from cdc_reader.wal2json.tables import KnownTable
from cdc_reader.wal2json.wire import ShapeColumn

# bool, "char", name, the integers, oid, floats, date, times, intervals, uuid: never stored apart from their row.
_NEVER_LARGE = frozenset({16, 18, 19, 20, 21, 23, 26, 700, 701, 1082, 1083, 1114, 1184, 1186, 1266, 2950})
_NOT_CARRIED = -1
_MOST_LAYOUTS = 1_000  # updates of a table with many large columns leave out ever other ones
Sent = tuple[tuple[str, str], ...]  # names, and OIDs of types, as a line has them
Layout = tuple[int, ...]  # for each column of a line its place in the shape


class Shape:
    """The columns and the replica identity of a relation, as its last line had them.

    `fresh`: a Relation message is due, before the next change.
    """

    def __init__(self, known: KnownTable) -> None:
        self.known = known
        self.columns: tuple[ShapeColumn, ...] = known.columns
        self.identity, self.key = known.identity, known.key
        self.fresh = True
        self._typmods: Mapping[tuple[str, int], int] = {
            (column.name, column.type_oid): column.typmod for column in known.columns
        }
        self._layouts: dict[tuple[Sent, bool | None], Layout] = {}
        self._index()

    def layout(self, sent: Sent, *, whole: bool) -> Layout:
        """Where each column of a line belongs; `whole`: none is left out. Changes the shape where it must."""
        found = self._layouts.get((sent, whole))
        if found is None:
            found = self._fitted(self._carried(sent), whole=whole)
            if len(self._layouts) >= _MOST_LAYOUTS:
                self._layouts.clear()
            self._layouts[sent, whole] = found
        return found

    def places(self, sent: Sent) -> Layout:
        """Where each column of an old row belongs; what the shape does not have is left out."""
        found = self._layouts.get((sent, None))
        if found is None:
            places = [self._place.get(shown(name), _NOT_CARRIED) for name, _ in sent]
            found = self._layouts[sent, None] = tuple(places)
        return found

    def places_of_key(self) -> frozenset[int]:
        """The places of the primary key."""
        return self._key_places

    def identified_by(self, names: Iterable[str] | None) -> None:
        """A line of an update or delete named its row by these columns (None: by none)."""
        identity, key = self._identity_of(names)
        if (identity, key) != (self.identity, self.key):
            self.identity, self.key, self.fresh = identity, key, True

    def relation(self) -> bytes:
        """The Relation message that is due."""
        self.fresh = False
        name = self.known.name
        return wire.relation(
            self.known.oid, name.schema, name.name, identity=self.identity, columns=self.columns, key=self.key
        )

    @property
    def full(self) -> bool:
        """Whether old rows are told whole."""
        return self.identity == IDENTITY_FULL

    def holds(self, columns: Iterable[tuple[str, int]]) -> bool:
        """Whether a line of these columns may be of this table under another name."""
        return {(column.name, column.type_oid) for column in self.columns}.issuperset(columns)

    def _identity_of(self, names: Iterable[str] | None) -> tuple[str, frozenset[str]]:
        if names is None:
            return IDENTITY_NOTHING, frozenset()
        key, everything = frozenset(names) - self.known.generated, frozenset(self._place)
        own = self.known.identity != IDENTITY_FULL and key == self.known.key
        if key >= everything and not own:
            return IDENTITY_FULL, everything
        return (IDENTITY_INDEX if self.known.identity == IDENTITY_INDEX else IDENTITY_DEFAULT), key

    def _carried(self, sent: Sent) -> list[ShapeColumn | None]:
        """The columns of a line; None for those that events do not carry."""
        found: list[ShapeColumn | None] = []
        for given, type_text in sent:
            name, type_oid = shown(given), int(type_text) & 0xFFFF_FFFF
            generated = name in self.known.generated
            typmod = self._typmods.get((name, type_oid), -1)
            found.append(None if generated else ShapeColumn(name, type_oid, typmod))
        return found

    def _fitted(self, sent: Sequence[ShapeColumn | None], *, whole: bool) -> Layout:
        columns = tuple(column for column in sent if column is not None)
        fitting = columns if whole else self._with_unchanged(columns)
        if fitting != self.columns:
            self.columns, self.fresh = fitting, True
            self._layouts.clear()
            self._index()
            if self.full:
                self.key = frozenset(self._place)
        return tuple(_NOT_CARRIED if column is None else self._place[column.name] for column in sent)

    def _with_unchanged(self, sent: Sequence[ShapeColumn]) -> tuple[ShapeColumn, ...]:
        """All columns, where those that may be large and are known are not in the line.

        New ones always stand behind those that were there.
        """
        names = {column.name for column in sent}
        left = [c for c in self.columns if c.name not in names and c.type_oid not in _NEVER_LARGE]
        found: list[ShapeColumn] = []
        for column in sent:
            place = self._place.get(column.name, len(self._place))
            while left and self._place[left[0].name] < place:
                found.append(left.pop(0))
            found.append(column)
        return (*found, *left)

    def _index(self) -> None:
        self._place = {column.name: at for at, column in enumerate(self.columns)}
        self._key_places = frozenset(self._place[name] for name in self.known.primary_key if name in self._place)
