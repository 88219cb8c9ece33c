"""
The rare shapes of a change, put together from columns: key changes, refetched and omitted columns, floor events.

Both encoders have it from here. What a single column looks like (`column`) is theirs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cdc_reader.pgoutput.decoder import decode
from cdc_reader.pgoutput.messages import Binary, Delete, Field, Insert, Null, Text, Unchanged, Update
from cdc_reader.transcode.avro_bytes import (
    FIRST_BRANCH,
    NULL_BRANCH,
    SECOND_BRANCH,
    array_bytes,
    long_bytes,
    string_bytes,
)
from cdc_reader.transcode.carried import Uncarriable, Unfit
from cdc_reader.transcode.context import EventContext
from cdc_reader.transcode.copied import split_copy_row
from cdc_reader.transcode.plan import TablePlan
from cdc_reader.transcode.row_keys import key_part
from schemas.envelope import OP_CREATE, OP_DELETE, OP_UPDATE
from schemas.errors import ProtocolError

Fields = tuple[Field, ...]

# The third value of `change`: what keeps an event from being encoded in one go. Bits, for they come together.
CHANGE = 0
KEY_CHANGED = 1  # an update that moves the row to another key
INCOMPLETE = 2  # values that did not change, and that no old tuple has
UNCARRIABLE = 4  # values that no event can carry


@dataclass(frozen=True, slots=True)
class ChangeParts:
    """A change by its fields, in the order of `TablePlan.columns`.

    Unchanged values are taken from the old tuple where it has them. `old_kind` is `K` or `O`.
    """

    op: str
    old_kind: str | None
    old: Fields | None
    new: Fields | None


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns in Avro, branch of the union included; None for a value that did not change and was not sent.

    `omitted` names the columns that could not be carried, with the reason; they are encoded as null.
    """

    encoded: tuple[bytes | None, ...]
    omitted: tuple[tuple[str, str], ...] = ()

    @property
    def row(self) -> bytes:
        """The record `Row`, when nothing is missing; raises TypeError otherwise."""
        return b"".join(self.encoded)  # type: ignore[arg-type]


class Encoder(ABC):
    """Turns changes and copied rows of one table into keys and events. Not for several threads at once.

    The hot path (`change`, `copy_row`, `read_event`) and single values (`column`) belong to the implementations;
    what can be done with single columns and with rows that are encoded already is here.
    """

    def __init__(self, plan: TablePlan) -> None:
        self.plan = plan
        self._head, self._names = plan.frame, plan.source_names

    @abstractmethod
    def change(
        self, payload: bytes, context: EventContext, lsn: int, version: int, ordinal: int
    ) -> tuple[bytes, bytes, int]:
        """Key, event and CHANGE for a whole insert, update or delete message.

        Where one go does not do, the third value holds the reasons (KEY_CHANGED, INCOMPLETE, UNCARRIABLE) and the
        others are empty: take `split` and `event`. Raises `ProtocolError`, and `Unfit` where the table's definition
        does not explain a value or the tuple.
        """

    @abstractmethod
    def copy_row(self, data: bytes) -> tuple[bytes, bytes, tuple[tuple[str, str], ...]]:
        """Key, encoded `Row` and omitted columns (name, reason) of one row of COPY BINARY.

        Raises `ProtocolError`, and `Unfit` where a value is none of its type: take `copy_fields`.

        Columns whose kind can be read in binary come so, all others were selected as text.
        """

    @abstractmethod
    def read_event(self, row: bytes, context: EventContext, lsn: int, version: int, ordinal: int) -> bytes:
        """The event of a row that a snapshot read (op `r`)."""

    @abstractmethod
    def column(self, index: int, data: bytes, *, binary: bool) -> bytes:
        """One value in Avro, branch included; raises `Unfit` and `Uncarriable`."""

    def split(self, payload: bytes) -> ChangeParts:
        """The fields of an insert, update or delete; raises `ProtocolError`, `Unfit`."""
        match decode(payload):
            case Insert(oid, new):
                parts = ChangeParts(OP_CREATE, None, None, self._placed(oid, new))
            case Update(oid, kind, old, new):
                before = None if old is None else self._placed(oid, old)
                parts = ChangeParts(OP_UPDATE, kind, before, self._filled(kind, before, self._placed(oid, new)))
            case Delete(oid, kind, old):
                parts = ChangeParts(OP_DELETE, kind, self._placed(oid, old), None)
            case other:
                raise ProtocolError(f"expected an insert, update or delete, got {type(other).__name__}")
        if parts.old_kind == "O" and Unchanged() in (parts.old or ()):
            raise Unfit("expected a full old tuple, got one with values left out")
        return parts

    def _placed(self, oid: int, fields: Fields) -> Fields:
        """The fields of a tuple in the order of the plan."""
        if oid != self.plan.relation_oid:
            raise ProtocolError(f"expected a change of relation {self.plan.relation_oid}, got one of {oid}")
        order = self.plan.wire_order
        if len(fields) != len(order):
            raise Unfit(f"expected a tuple of {len(order)} columns, got {len(fields)}")
        placed = dict(zip(order, fields, strict=True))
        return tuple(placed[index] for index in range(len(order)))

    def _filled(self, kind: str | None, old: Fields | None, new: Fields) -> Fields:
        """The new tuple, with what did not change from the old one, as far as that has it."""
        if old is None:
            return new
        known = set(self.plan.key) if kind == "K" else set(range(len(new)))
        return tuple(
            old[index] if isinstance(field, Unchanged) and index in known else field for index, field in enumerate(new)
        )

    def columns(self, fields: Fields) -> Columns:
        """All columns of a row in Avro; those that cannot be carried are left out."""
        return self._encode(enumerate(fields))

    def _encode(self, fields: Iterable[tuple[int, Field]]) -> Columns:
        encoded: list[bytes | None] = []
        omitted: list[tuple[str, str]] = []
        for index, field in fields:
            try:
                encoded.append(self._field(index, field))
            except (Uncarriable, Unfit) as reason:
                encoded.append(NULL_BRANCH)
                omitted.append((self.plan.columns[index].name, str(reason)))
        return Columns(tuple(encoded), tuple(omitted))

    def _field(self, index: int, field: Field) -> bytes | None:
        match field:
            case Null():
                return NULL_BRANCH
            case Unchanged():
                return None
            case Text(data):
                return self.column(index, data, binary=False)
            case Binary(data):
                return self.column(index, data, binary=True)

    def key_of(self, fields: Fields) -> bytes:
        """The key of a row from its fields (of the row, or of an old tuple of kind `K`); raises `Unfit`."""
        kinds = self.plan.columns
        return b",".join(key_part(kinds[index].kind, fields[index]) for index in self.plan.key)

    def key_record(self, columns: Columns) -> bytes:
        """The record `Key` from the columns of a row or of an old tuple of kind `K`."""
        return Columns(tuple(columns.encoded[index] for index in self.plan.key)).row

    def copy_fields(self, data: bytes) -> Fields:
        """The fields of one row of COPY BINARY.

        Columns whose kind can be read in binary come so, all others were selected as text. Raises `ProtocolError`.
        """
        columns = self.plan.columns
        return tuple(
            Null() if value is None else Binary(value) if column.kind.binary else Text(value)
            for column, value in zip(columns, split_copy_row(data, len(columns)), strict=True)
        )

    def copy_columns(self, data: bytes) -> Columns:
        """The columns of one row of COPY BINARY, for a row that needs more than `copy_row`."""
        return self.columns(self.copy_fields(data))

    def event(
        self,
        op: str,
        context: EventContext,
        *,
        lsn: int,
        version: int,
        ordinal: int,
        before: tuple[str, bytes] | None = None,
        after: bytes | None = None,
        refetched: Sequence[str] = (),
        omitted: Sequence[tuple[str, str]] = (),
        below_version: int | None = None,
    ) -> bytes:
        """Any event, from rows that are encoded already. `before`: ("row" or "key", bytes)."""
        order = long_bytes(ordinal)
        return b"".join(
            (
                self._head,
                string_bytes(op),
                long_bytes(version),
                context.mode_bytes,
                self._names,
                context.commit_bytes,
                long_bytes(lsn),
                order,
                context.tail_bytes,
                b"" if context.transaction_id is None else order,
                NULL_BRANCH if below_version is None else FIRST_BRANCH + long_bytes(below_version),
                array_bytes([string_bytes(name) for name in refetched]),
                array_bytes([string_bytes(name) + string_bytes(reason) for name, reason in omitted]),
                NULL_BRANCH if before is None else _BEFORE_BRANCHES[before[0]] + before[1],
                NULL_BRANCH if after is None else FIRST_BRANCH + after,
            )
        )


_BEFORE_BRANCHES = {"row": FIRST_BRANCH, "key": SECOND_BRANCH}
