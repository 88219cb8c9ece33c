"""
What `cdc-reader reset` would do, and what it refuses (pure).

Without `moved` the position must be of the server that was asked, as far as that can be known, so that its lock tells
whether a reader runs. With it the operator says that this database has taken the place of the one that was read.

Keeps: P12, D7.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cdc_reader.postgres.lsn import Lsn
from cdc_reader.postgres.plugins import PGOUTPUT
from cdc_reader.postgres.slot_row import SlotHolder, SlotRow
from cdc_reader.progress.gap_checks import ServerPosition, check_server
from cdc_reader.progress.origins import Origin, Owner, check_owner, difference, origin_of, topics_difference
from cdc_reader.remedies import RESTORED
from schemas.errors import Neighbour, ServerSetting, SettingsError, SlotBusy
from schemas.offsets import Position, SourceMark


def check_known(stored: Owner | SettingsError, server: Origin, *, moved: bool) -> Owner:
    """What is stored, where it can be read; raises `SettingsError` when it is not of this server and database."""
    if isinstance(stored, SettingsError):
        if not moved:
            raise SettingsError.of(stored, remedy=RESTORED)
        return Owner()
    if not moved:
        check_owner(stored, server)
    return stored


def check_written(position: Position | None, server: ServerPosition) -> None:
    """Raise `GapFound` when the server has not written the position: another one may have (rule P4)."""
    if position is not None:
        check_server(position, server)


def check_not_held(slot: str, holders: Sequence[SlotHolder]) -> None:
    """Raise `SlotBusy`, with who it is, while a reader holds the slot or its lock (rule P2)."""
    if holders:
        held_by = ", ".join(map(str, holders))
        raise SlotBusy(f"a reader holds slot {slot!r}: {held_by}", remedy="stop that reader, and its standbys, first")


@dataclass(frozen=True, slots=True)
class ResetPlan:
    """What will be done; `slot` is the one of that name, None where there is none."""

    server: Origin
    position: Position | None
    source: SourceMark | None
    moved: bool
    slot_name: str
    slot: SlotRow | None
    offsets_topic: str
    plugins: tuple[str, ...] = (PGOUTPUT,)

    def __post_init__(self) -> None:
        """Raise `ServerSetting` when the slot is another's."""
        slot = self.slot
        ours = " or ".join(self.plugins)
        if slot is not None and (slot.plugin not in self.plugins or slot.database != self.server.database):
            raise ServerSetting(
                expected=f"slot {self.slot_name!r} to be one of {ours} in database {self.server.database!r}",
                found=f"one of plugin {slot.plugin!r} in database {slot.database!r}",
                neighbour=Neighbour.POSTGRES,
                remedy="set `slot` to the reader's, or correct database_url",
            )

    def actions(self) -> Iterator[str]:
        """What is done, in this order."""
        if self.slot is not None:
            yield (
                f"drop replication slot {self.slot_name!r} ({self.slot.plugin} in database {self.slot.database!r}, "
                f"not active, confirmed to {Lsn(self.slot.confirmed_lsn)})"
            )
        yield f"forget {self._forgotten()} in topic {self.offsets_topic!r}"
        if self.moved:
            yield f"record that the topics belong to database {self.server}"

    def source_to_record(self) -> SourceMark | None:
        """Whose the topics are, for the next start: this database, where that is known, or said (rule D7)."""
        if self.moved or self.position is not None or self.source is not None:
            return SourceMark(self.server.system_id or "", self.server.database, self.slot_name)
        return None

    def _forgotten(self) -> str:
        if self.position is None:
            return "whatever position is stored"
        return f"the position {Lsn(self.position.restart_lsn)} of database {origin_of(self.position)}"

    def notes(self) -> Iterator[str]:
        """What follows from it, and what must be done elsewhere."""
        if self.slot is None:
            yield f"there is no replication slot {self.slot_name!r} to drop"
        yield (
            f"the next run reads every table of database {self.server} again, and removes what is not in it from the "
            "index"
        )
        if difference(self.position, self.server) or topics_difference(self.source, self.server):
            yield (
                "a reader of the server before this one cannot be seen from here: it must have been stopped. Where "
                "that server still runs its slot keeps WAL; drop it there: "
                f"SELECT pg_drop_replication_slot('{self.slot_name}');"
            )
