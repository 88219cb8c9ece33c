"""What the doctor knows before it judges (pure): facts that the edges read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cdc_reader.postgres.slot_row import SlotRow
from cdc_runtime.topic_checks import TopicDifference
from schemas.tables import TableEntry


@dataclass(frozen=True, slots=True)
class Names:
    """Names of ours in the database; `application` is the reader's `application_name`."""

    slot: str
    publication: str
    application: str


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """Rights, settings and use of the server, and the OIDs of relations where something is lacking.

    `settings` are texts; `wal_sender_timeout` in milliseconds. `owns_publication` is None when there is none.
    `synchronous`: the reader would be a synchronous standby (rule P11).
    """

    replication: bool
    may_create: bool
    owns_publication: bool | None
    settings: Mapping[str, str]
    synchronous: bool
    slots_used: int
    senders_used: int
    standbys: tuple[str, ...]
    slot: SlotRow | None
    unreadable: frozenset[int]
    not_owned: frozenset[int]
    hidden_rows: frozenset[int]
    forbidden_messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KafkaFacts:
    """The broker's settings, and how topics of ours differ from what they should be.

    `entries` are the tables of the pipeline as the reader published them; `version` is the greatest one given out.
    """

    offsets_retention_minutes: int | None
    differences: tuple[TopicDifference, ...]
    topics: int
    entries: tuple[TableEntry, ...]
    version: int | None


@dataclass(frozen=True, slots=True)
class VespaFacts:
    """What the index lacks of each document type (`None`: the type itself), and the greatest version in it."""

    missing: Mapping[str, tuple[str, ...] | None]
    greatest_version: int | None
