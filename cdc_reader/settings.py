"""What the reader needs to know. Every setting is documented here and only here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar

from pydantic import BeforeValidator, Field, SecretStr, StringConstraints

from cdc_reader.discovery.selection import table_name
from cdc_runtime.pipeline_names import NOT_PLAIN_SQL
from cdc_runtime.settings.addresses import DatabaseUrl
from cdc_runtime.settings.models import HttpSettings, ServiceSettings, SettingsGroup, http_port
from schemas.names import TableName

T = TypeVar("T")
SlotName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,63}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,63}$")]


class ReaderHttpSettings(HttpSettings):
    """Where health and metrics are served."""

    port: int = http_port(8081)


class CommitSettings(SettingsGroup):
    """When a Kafka transaction is committed; it always is as soon as the stream has nothing more to read."""

    max_wait_s: float = Field(0.2, gt=0, le=10, description="Longest time a Kafka transaction stays open.")
    max_rows: int = Field(20_000, ge=1, le=1_000_000, description="Most rows in one Kafka transaction.")
    max_bytes: int = Field(
        8 * 1024 * 1024, ge=1024, description="Most bytes of events in one Kafka transaction; one event may be larger."
    )


class SnapshotSettings(SettingsGroup):
    """How tables are read beside the stream."""

    chunk_rows: int = Field(
        10_000, ge=1, le=1_000_000, description="Most rows that a snapshot reads in one statement (a chunk)."
    )
    chunk_bytes: int = Field(
        4 * 1024 * 1024, ge=1024, description="About how many bytes of rows are read in one chunk."
    )
    workers: int = Field(2, ge=1, le=16, description="Tables that are read at the same time.")
    watermark_timeout_s: float = Field(
        60,
        gt=0,
        description="How long the reader waits for its own message around a chunk before it tries again.",
    )


class PollingSettings(SettingsGroup):
    """How tables are read that the stream does not bring: views, foreign tables, tables without identity."""

    tables: list[str] = Field(default_factory=list, description="Tables that are polled though they could be streamed.")
    interval_s: float = Field(300, ge=1, le=86_400, description="How often a polled table is read.")
    intervals: dict[str, float] = Field(
        default_factory=dict, description="The same for single tables, in seconds: `{public.v_open_items: 60}`."
    )
    timestamp_columns: dict[str, str] = Field(
        default_factory=dict,
        description="Column by table that every write moves forward: between whole reads only newer rows are read. "
        "Only for what has no `xmin`: views and foreign tables.",
    )
    overlap_s: float = Field(
        60,
        ge=0,
        le=86_400,
        description="How far before the newest row known a read by `timestamp_columns` begins.",
    )
    whole_interval_s: float = Field(
        86_400, ge=1, description="How often a polled table is read whole, where other reads find changed rows alone."
    )
    statement_timeout_s: float = Field(
        300, ge=1, le=86_400, description="Longest time that one statement of a poll may run."
    )
    workers: int = Field(1, ge=1, le=16, description="Tables that are polled at the same time.")
    directory: str = Field(
        "",
        description="Folder for the keys of each polled table, read again at every start; empty: the system's own.",
    )

    @staticmethod
    def by_table(values: Mapping[str, T], setting: str) -> dict[TableName, T]:
        """A setting by table, whose names are written as in `tables`; raises `SettingsError`."""
        return {table_name(text, setting): value for text, value in values.items()}


def _columns(value: object) -> object:
    """A single column where a list is expected, as flags and variables give it."""
    return {k: [v] if isinstance(v, str) else v for k, v in value.items()} if isinstance(value, dict) else value


NamedKeys = Annotated[dict[str, list[str]], BeforeValidator(_columns)]
KEYS = "Columns that are the key of a view, or of a table that has none: `{public.v_open_items: [id]}`."


class ReaderSettings(ServiceSettings):
    """What the reader needs to know."""

    http: ReaderHttpSettings = Field(default_factory=ReaderHttpSettings, description="Health and metrics.")
    database_url: DatabaseUrl = Field(
        SecretStr(""), description="Source database, `postgresql://user@host/database`; the password may be in it."
    )
    source: Name = Field("rowferry", description="Name of this source: its position is kept in `_offsets.<source>`.")
    slot: SlotName = Field("rowferry", description=f"Replication slot to read; created when missing. {NOT_PLAIN_SQL}")
    publication: Name = Field(
        "rowferry", description=f"Publication to read; created and kept where rights allow. {NOT_PLAIN_SQL}"
    )
    plugin: Literal["pgoutput", "wal2json", "auto"] = Field(
        "pgoutput",
        description="Output plugin of the slot: PostgreSQL's own, `wal2json` (no publication is needed or read), or "
        "`auto`: that of the slot; for a new one `pgoutput` where the server has it, else `wal2json`.",
    )
    tables: list[str] = Field(
        default_factory=list, description="Tables to capture, `table` or `schema.table`; empty: all of `public`."
    )
    exclude: list[str] = Field(
        default=["_prisma_migrations", "sync_events"], description="Tables that are never captured."
    )
    keys: NamedKeys = Field(default_factory=dict, description=f"{KEYS} They must be unique, and never null.")
    polling: PollingSettings = Field(default_factory=PollingSettings, description="Tables that are polled.")
    standby: bool = Field(
        default=True, description="Wait for the slot as hot standby when another reader holds it; false: exit 75."
    )
    failover: bool = Field(
        default=False,
        description="Have standbys keep a copy of the slot, which goes on after a failover (PostgreSQL 17 or newer).",
    )
    commit: CommitSettings = Field(default_factory=CommitSettings, description="Kafka transactions.")
    snapshot: SnapshotSettings = Field(default_factory=SnapshotSettings, description="Snapshots.")
    heartbeat_interval_s: float = Field(
        10,
        gt=0,
        le=3600,
        description="How often the reader moves an idle slot by a message, and compares definitions of tables.",
    )
    status_interval_s: float = Field(
        5,
        gt=0,
        le=600,
        description="How often the server hears from the reader; below half of wal_sender_timeout.",
    )
    refetch_wait_s: float = Field(
        5, ge=0, le=60, description="How long a row with unchanged large columns waits to be read again."
    )
    version_seed: int = Field(0, ge=0, description="Versions begin above this number; only after the topics were lost.")
    transcoder: Literal["auto", "compiled", "reference"] = Field(
        "auto", description="Which transcoder runs; `auto`: the compiled one where it was built."
    )
    binary: bool = Field(default=True, description="Ask for binary values where all published types allow it.")
