"""What the doctor knows before it judges (pure): facts that the edges read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cdc_reader.discovery.requirements import Rights
from cdc_reader.postgres.plugins import PGOUTPUT
from cdc_reader.postgres.server_requirements import ServerFacts
from cdc_runtime.topic_checks import TopicDifference
from schemas.offsets import Position
from schemas.tables import TableEntry
from vespa_sink.vespa.field_probes import Lacking


@dataclass(frozen=True, slots=True)
class Names:
    """Names of ours in the database; `application` is the reader's `application_name`.

    `failover`: the reader is to have standbys keep a copy of the slot.
    """

    slot: str
    publication: str
    application: str
    failover: bool = False
    plugin: str = PGOUTPUT


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """The server as the reader sees it too, and what its role may do.

    `readable`: we can make UTF-8 of texts as they are stored.
    """

    server: ServerFacts
    rights: Rights
    readable: bool = True


@dataclass(frozen=True, slots=True)
class KafkaFacts:
    """The broker's settings, and how topics of ours differ from what they should be.

    `entries` are the tables of the pipeline as the reader published them; `version` is the greatest one given out;
    `position` is the stored one; `partitions` the counts of the topics that exist; `topic_names` are all
    that this Kafka has.
    """

    offsets_retention_minutes: int | None
    differences: tuple[TopicDifference, ...]
    topics: int
    entries: tuple[TableEntry, ...]
    version: int | None
    position: Position | None = None
    partitions: Mapping[str, int] = field(default_factory=dict)
    topic_names: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class VespaFacts:
    """What the index lacks of our documents, and the greatest version in it."""

    lacking: tuple[Lacking, ...]
    greatest_version: int | None
