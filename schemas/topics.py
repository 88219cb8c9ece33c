"""
Names of the topics, and the settings each is created with.

Names map one-to-one to tables and generations: characters that Kafka cannot carry are escaped reversibly.
Reasons of the settings: design section 2, rules P9 (timestamps, `_offsets`), V7 (tombstones), D6 (generations).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from schemas.errors import SettingsError
from schemas.names import TableName

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
_DAY_MS = 24 * 60 * 60 * 1000
TOMBSTONE_RETENTION_MS = 7 * _DAY_MS
MIN_COMPACTION_LAG_MS = 60 * 60 * 1000
FAILURE_RETENTION_MS = 90 * _DAY_MS
# Source commit times may lie far from the broker's clock (a stalled reader, a restored source): rule P9.
_ANY_TIMESTAMP = {
    "message.timestamp.type": "CreateTime",
    "message.timestamp.before.max.ms": str(2**63 - 1),
    "message.timestamp.after.max.ms": str(2**63 - 1),
}
_LONGEST_TOPIC = 249
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_GENERATION = re.compile(r"g([1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """
    A topic as its owner creates it: name, partition count, explicit settings.

    `may_have_more`: partitions beyond these do no harm, since records are given theirs, or need none in particular.
    """

    name: str
    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)
    may_have_more: bool = False


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one pipeline, by its prefix."""

    prefix: str = "cdc"

    def __post_init__(self) -> None:
        if _PREFIX.fullmatch(self.prefix) is None:
            raise SettingsError(
                f"expected a topic prefix of letters, digits, '-' and '_' (64 at most), got {self.prefix!r}"
            )

    @property
    def schemas(self) -> str:
        """Fingerprint -> Avro schema."""
        return f"{self.prefix}._schemas"

    @property
    def tables(self) -> str:
        """Table -> what discovery knows."""
        return f"{self.prefix}._tables"

    @property
    def control(self) -> str:
        """Command id -> command and its progress."""
        return f"{self.prefix}._control"

    @property
    def files(self) -> str:
        """File id -> result."""
        return f"{self.prefix}._files"

    @property
    def file_rows(self) -> str:
        """File id, sheet, row -> values."""
        return f"{self.prefix}._file_rows"

    @property
    def file_refs(self) -> str:
        """Record key -> the references that the row holds now."""
        return f"{self.prefix}._file_refs"

    def offsets(self, source: str) -> str:
        """Position, floors and snapshot progress of one source."""
        return f"{self.prefix}._offsets.{_suffix(source)}"

    def retry(self, group: str) -> str:
        """Records that a consumer group will try again."""
        return f"{self.prefix}._retry.{_suffix(group)}"

    def dead_letters(self, group: str) -> str:
        """Records that a consumer group could not carry."""
        return f"{self.prefix}._dlq.{_suffix(group)}"

    def table(self, table: TableName, generation: int = 1) -> str:
        """The topic of a table; raises `SettingsError` when the name is longer than Kafka allows."""
        suffix = "" if generation == 1 else f".g{generation}"
        name = f"{self.prefix}.{_escape(table.schema)}.{_escape(table.name)}{suffix}"
        if len(name) > _LONGEST_TOPIC:
            raise SettingsError(
                f"expected a topic name of {_LONGEST_TOPIC} characters at most for table {table}, got {len(name)}"
            )
        return name

    def parse_table(self, topic: str) -> tuple[TableName, int] | None:
        """Table and generation of a table topic of this pipeline; None for any other topic."""
        head, *parts = topic.split(".")
        if head != self.prefix or len(parts) not in (2, 3) or not all(parts) or parts[0].startswith("_"):
            return None
        generation = 1
        if len(parts) == 3:
            match = _GENERATION.fullmatch(parts[2])
            if match is None:
                return None
            generation = int(match[1])
        return TableName(_unescape(parts[0]), _unescape(parts[1])), generation

    @property
    def table_pattern(self) -> str:
        """The regular expression (librdkafka: begins with ^) of all table topics, generations included."""
        return f"^{self.prefix}\\.[^_.][^.]*\\.[^.]+(\\.g[0-9]+)?$"


def _escape(part: str) -> str:
    """Kafka allows `[A-Za-z0-9._-]`: every byte outside `[A-Za-z0-9_]` becomes `-HH`, reversibly.

    A leading underscore is escaped as well: it marks the pipeline's own topics.
    """
    return re.sub(
        r"[^A-Za-z0-9_]|^_",
        lambda match: "".join(f"-{byte:02X}" for byte in match[0].encode()),
        part,
    )


def _suffix(name: str) -> str:
    """The name of a source or a consumer group at the end of a topic's name: as it is, where Kafka allows it."""
    return re.sub(r"[^A-Za-z0-9._-]", lambda match: "".join(f"-{byte:02X}" for byte in match[0].encode()), name)


def _unescape(part: str) -> str:
    """Read back what `_escape` wrote."""
    return re.sub(
        r"(?:-[0-9A-F]{2})+",
        lambda match: bytes.fromhex(match[0].replace("-", "")).decode("utf-8", "replace"),
        part,
    )


def _compacted(name: str, partitions: int, **more: str) -> TopicSpec:
    config = {
        "cleanup.policy": "compact",
        "max.message.bytes": str(MAX_MESSAGE_BYTES),
        "delete.retention.ms": str(TOMBSTONE_RETENTION_MS),
    }
    return TopicSpec(name, partitions, config | {key.replace("_", "."): value for key, value in more.items()})


def table_topic(name: str, partitions: int) -> TopicSpec:
    """A table's topic: compacted, Kafka timestamps are commit times, tombstones kept for a week."""
    spec = _compacted(name, partitions, min_compaction_lag_ms=str(MIN_COMPACTION_LAG_MS))
    return TopicSpec(name, partitions, {**spec.config, **_ANY_TIMESTAMP})


def directory_topic(name: str) -> TopicSpec:
    """`_tables`, `_control`: one partition, compacted."""
    return _compacted(name, 1)


def schemas_topic(name: str) -> TopicSpec:
    """`_schemas`: a key has one value for ever, so it does not matter in which partition."""
    return replace(directory_topic(name), may_have_more=True)


def state_topic(name: str, partitions: int) -> TopicSpec:
    """`_files`, `_file_rows`, `_file_refs`: compacted; a row's partition p goes to p modulo their count (rule F2)."""
    return replace(_compacted(name, partitions), may_have_more=True)


def offsets_topic(name: str) -> TopicSpec:
    """`_offsets.<source>`: small segments and a minute of retention, since every start reads it all (rule P9)."""
    return _compacted(
        name,
        1,
        delete_retention_ms="60000",
        segment_ms="600000",
        segment_bytes=str(16 * 1024 * 1024),
        min_cleanable_dirty_ratio="0.1",
    )


def failure_topic(name: str, partitions: int) -> TopicSpec:
    """Retries and dead letters: kept long, by the time of writing (rule P9)."""
    return TopicSpec(
        name,
        partitions,
        {
            "cleanup.policy": "delete",
            "retention.ms": str(FAILURE_RETENTION_MS),
            "max.message.bytes": str(MAX_MESSAGE_BYTES + 1024 * 1024),
            "message.timestamp.type": "CreateTime",
        },
        may_have_more=True,
    )
