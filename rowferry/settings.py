"""What the operator command needs to know. Names and defaults are those of the services."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from cdc_reader.settings import KEYS, NamedKeys
from cdc_runtime.pipeline_names import NOT_PLAIN, NOT_PLAIN_SQL
from cdc_runtime.settings.addresses import DatabaseUrl, OptionalServerUrl, ServerUrl, StoreUrl
from cdc_runtime.settings.models import KafkaSettings, LoadedSettings, SettingsGroup
from file_fetcher.settings import S3Settings


class VespaSettings(SettingsGroup):
    """How Vespa is reached and what the documents are called there."""

    url: ServerUrl = Field("http://localhost:8080", description="Container with the document API.")
    query_url: OptionalServerUrl = Field(
        "",
        description="Container with the search API, where that is another one; empty: the same as `url`.",
    )
    namespace: str = Field("procore", min_length=1, description=f"Namespace of document ids. {NOT_PLAIN}")
    record_type: str = Field("procore_record", min_length=1, description="Document type of rows.")
    schema_type: str = Field("procore_schema", min_length=1, description="Document type of table descriptions.")
    file_type: str = Field("procore_file", min_length=1, description="Document type of files.")
    file_row_type: str = Field("procore_file_row", min_length=1, description="Document type of rows of spreadsheets.")


class PolledSettings(SettingsGroup):
    """Which tables the reader polls."""

    tables: list[str] = Field(default_factory=list, description="Tables that are polled though they could be streamed.")


class OperatorSettings(LoadedSettings):
    """What `rowferry` needs to know."""

    database_url: DatabaseUrl = Field(
        SecretStr(""), description="Source database, `postgresql://user@host/database`; the password may be in it."
    )
    source: str = Field("rowferry", description="Name of this source: its position is kept in `_offsets.<source>`.")
    slot: str = Field("rowferry", description=f"Replication slot of the reader. {NOT_PLAIN_SQL}")
    publication: str = Field("rowferry", description=f"Publication of the reader. {NOT_PLAIN_SQL}")
    failover: bool = Field(default=False, description="Whether standbys are to keep a copy of the reader's slot.")
    plugin: Literal["pgoutput", "wal2json", "auto"] = Field(
        "pgoutput", description="Output plugin of the reader's slot; `auto`: that of the slot as it is."
    )
    tables: list[str] = Field(default_factory=list, description="Tables to capture; empty: all of `public`.")
    exclude: list[str] = Field(
        default=["_prisma_migrations", "sync_events"], description="Tables that are never captured."
    )
    keys: NamedKeys = Field(default_factory=dict, description=KEYS)
    polling: PolledSettings = Field(default_factory=PolledSettings, description="Tables that are polled.")
    group: str = Field("rowferry-vespa-sink", min_length=1, description=f"Consumer group of the sink. {NOT_PLAIN}")
    fetcher_group: str = Field(
        "rowferry-file-fetcher", min_length=1, description=f"Consumer group of the fetcher. {NOT_PLAIN}"
    )
    kafka: KafkaSettings = Field(default_factory=KafkaSettings, description="Kafka.")
    vespa: VespaSettings = Field(default_factory=VespaSettings, description="Vespa.")
    s3: S3Settings = Field(default_factory=S3Settings, description="Object stores of the fetcher.")
    store_url: StoreUrl = Field(
        "", description="Where the fetcher keeps contents: `s3://bucket/prefix`, or a folder; empty: its own folder."
    )
