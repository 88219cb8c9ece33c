"""
The tree of errors, drawn by what must happen next.

    RowferryError
    +-- TransientError        try again: the same call may succeed later
    |   +-- Unreachable       a neighbour does not answer; fatal (exit 69) past the start time-out
    +-- RecordError           this record cannot be carried: dead-letter it with `reason`, go on
    |   +-- NewerFormat       a newer release wrote it: it is left alone until this one is updated
    +-- FatalError            stop the service with `exit_code`
        +-- UsageError             64  the command line is wrong
        +-- NeighbourMissing       69  a neighbour was waited for in vain
        +-- ProtocolError          70  bytes that cannot be read; a second copy does not exist
        +-- SlotBusy               75  another reader holds the slot and standby is off
        +-- AccessDenied           77  password or rights
        +-- SettingsError          78  a setting of ours
        +-- ServerSetting          78  a setting of a server
        +-- NewerRelease           78  what is stored was written by a newer release than this one
        +-- SlotLost               80  the replication slot is gone or invalidated
        +-- GapFound               81  changes are missing between what was published and what comes next

An error no one has classified stops the service (exit 70). Messages start in lower case, have no full stop,
say what was expected and what came, and never hold row values or secrets. They are for people: what is to be decided
about an error is decided by its class and its fields.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self, overload


class Neighbour(StrEnum):
    """At whose edge an error arose."""

    POSTGRES = "postgres"
    KAFKA = "kafka"
    VESPA = "vespa"
    STORE = "store"  # where contents are kept: a bucket or a folder
    S3 = "s3"
    GOOGLE = "google"
    WEB = "web"  # a host that a link names


class Sql(str):
    """A remedy to be copied as it is: statements, printed on lines of their own."""

    __slots__ = ()


class RowferryError(Exception):
    """
    Root of all errors that cross a module boundary.

    The message is `expected {expected}, got {found}`, or the one that is given where that sentence does not fit: an
    error that says neither does not pass the type check.
    `neighbour`: at whose edge it arose (None: at none). `remedy`: what the operator is to do, where that is known.
    """

    exit_code: int = 70
    neighbour: Neighbour | None = None
    usual_remedy: str | None = None  # of a class whose errors have one cause

    @overload
    def __init__(
        self,
        message: str,
        *,
        expected: str = "",
        found: str = "",
        neighbour: Neighbour | None = None,
        remedy: str | None = None,
    ) -> None: ...

    @overload
    def __init__(
        self,
        *,
        expected: str,
        found: str,
        neighbour: Neighbour | None = None,
        remedy: str | None = None,
    ) -> None: ...

    def __init__(
        self,
        message: str | None = None,
        *,
        expected: str = "",
        found: str = "",
        neighbour: Neighbour | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(f"expected {expected}, got {found or 'nothing'}" if message is None else message)
        self.expected = expected
        self.found = found
        self.remedy = remedy or self.usual_remedy
        if neighbour is not None:
            self.neighbour = neighbour

    @classmethod
    def of(cls, error: RowferryError, *, remedy: str | None = None) -> Self:
        """The same words and fields as an error of this class: something else must happen next."""
        told = {"expected": error.expected, "found": error.found, "neighbour": error.neighbour}
        return cls(str(error), **told, remedy=remedy or error.remedy)  # type: ignore[arg-type]


class TransientError(RowferryError):
    """The same call may succeed later."""

    exit_code = 69


class Unreachable(TransientError):
    """A neighbour (PostgreSQL, Kafka, Vespa) does not answer."""


class RecordError(RowferryError):
    """One record cannot be carried; the message is the reason that goes to the dead letters."""


class NewerFormat(RecordError):
    """One record is of a format that only a newer release reads."""


class FatalError(RowferryError):
    """The service must stop with `exit_code`."""


class UsageError(FatalError):
    """The command line is wrong."""

    exit_code = 64


class NeighbourMissing(FatalError):
    """A neighbour was waited for until the start time-out and never answered."""

    exit_code = 69


class ProtocolError(FatalError):
    """Bytes that cannot be read as the protocol describes them."""

    exit_code = 70
    usual_remedy = "report it, with the version of the server and the log of this run"


class SlotBusy(FatalError):
    """Another reader holds the slot, and this one was told not to stand by."""

    exit_code = 75
    neighbour = Neighbour.POSTGRES


class AccessDenied(FatalError):
    """A password is wrong or a right is missing."""

    exit_code = 77


class SettingsError(FatalError):
    """A setting of ours is missing or wrong."""

    exit_code = 78


class ServerSetting(FatalError):
    """A setting of PostgreSQL, Kafka or Vespa does not allow what is asked."""

    exit_code = 78


class NewerRelease(FatalError):
    """What is stored was written by a newer release, and cannot be gone on from by this one."""

    exit_code = 78


class SlotLost(FatalError):
    """The replication slot is gone, invalidated or belongs to something else."""

    exit_code = 80
    neighbour = Neighbour.POSTGRES


class GapFound(FatalError):
    """Changes may be missing between what was published and what the server would send next."""

    exit_code = 81
    neighbour = Neighbour.POSTGRES
