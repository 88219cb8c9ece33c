"""
Who reads what is asked for: scans beside the stream, or polls, by the table (pure).

A command for tables of both kinds has one answer: it is done with the last of them.

Keeps: V5, L1.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

from cdc_reader.control_commands import ScanRequests
from schemas.control import Command, State
from schemas.names import TableName


class Reads(ScanRequests, Protocol):
    """Scans (`snapshot.runner`), or polls (`polling.poller`)."""

    def asked(self, command_id: str) -> bool:
        """Whether a command for whole tables is not done yet."""


class ReadRequests:
    """Hands requests on; `polled` are the tables that `polls` reads."""

    def __init__(self, scans: Reads, polls: Reads, polled: Collection[TableName]) -> None:
        self._scans = scans
        self._polls = polls
        self._polled = polled

    def read_table(self, table: TableName, cause: str, *, commands: list[Command]) -> None:
        """Read the whole table."""
        self._of(table).read_table(table, cause, commands=commands)

    def read_keys(self, table: TableName, keys: list[bytes], *, commands: list[Command]) -> None:
        """Read the rows with these keys."""
        self._of(table).read_keys(table, keys, commands=commands)

    def _of(self, table: TableName) -> Reads:
        return self._polls if table in self._polled else self._scans


def answered(record: Callable[[Command], None], *others: Callable[[], Reads]) -> Callable[[Command], None]:
    """`record`, but for a command that is done here and still under way with one of the others."""

    def recorded(command: Command) -> None:
        if command.state is not State.DONE or not any(other().asked(command.id) for other in others):
            record(command)

    return recorded
