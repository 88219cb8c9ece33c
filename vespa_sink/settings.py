"""What the sink needs to know. Every field is documented here and only here."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from cdc_runtime.pipeline_names import NOT_PLAIN
from cdc_runtime.settings.addresses import OptionalServerUrl, ServerUrl
from cdc_runtime.settings.models import HttpSettings, ServiceSettings, SettingsGroup, http_port

_NAME = r"^[A-Za-z_][A-Za-z0-9_-]*$"


class SinkHttpSettings(HttpSettings):
    """Where health and metrics are served."""

    port: int = http_port(8082)


class VespaSettings(SettingsGroup):
    """How Vespa is reached, and what documents are called there."""

    url: ServerUrl = Field(
        "http://localhost:8080",
        description="Container with the document API; `VESPA_LOCAL_URL` works as well.",
    )
    query_url: OptionalServerUrl = Field(
        "",
        description="Container with the search API, where that is another one; empty: the same as `url`.",
    )
    namespace: str = Field("procore", pattern=_NAME, description=f"Namespace of document ids; for ever. {NOT_PLAIN}")
    record_type: str = Field("procore_record", pattern=_NAME, description="Document type of rows.")
    schema_type: str = Field("procore_schema", pattern=_NAME, description="Document type of table descriptions.")
    file_type: str = Field("procore_file", pattern=_NAME, description="Document type of references to files.")
    file_row_type: str = Field("procore_file_row", pattern=_NAME, description="Document type of rows of spreadsheets.")
    timeout_s: float = Field(10, gt=0, le=180, description="Longest time that Vespa may take for one operation.")
    connections: int = Field(4, ge=1, le=4096, description="Requests in flight at the start; the sink adapts.")
    max_connections: int = Field(128, ge=1, le=4096, description="Most requests in flight.")
    max_document_bytes: int = Field(
        10 * 1024 * 1024,
        ge=1024,
        description="Largest document; not above `max-document-size` of the application package.",
    )


class BreakerSettings(SettingsGroup):
    """When rejected documents are taken as a sign that the index is not as it should be."""

    in_a_row: int = Field(
        10,
        ge=1,
        description="How many documents of a table Vespa may reject in a row, accepting none, before its writes pause.",
    )
    rollout_s: float = Field(
        300,
        gt=0,
        le=86_400,
        description="Longest time that a rollout of the application package takes. A rejected document is sent again "
        "for so long before it goes to the dead letters.",
    )
    max_held: int = Field(
        1000,
        ge=1,
        le=100_000,
        description="Most rejected documents of a document type that wait to be sent again meanwhile (and at most an "
        "eighth of `max_open_records` and `max_open_bytes`); beyond it, what was rejected ten times is given up.",
    )


class SinkSettings(ServiceSettings):
    """Settings of `vespa-sink`."""

    http: SinkHttpSettings = Field(default_factory=SinkHttpSettings, description="Health and metrics.")
    vespa: VespaSettings = Field(default_factory=VespaSettings, description="Vespa.")
    breaker: BreakerSettings = Field(default_factory=BreakerSettings, description="Rejected documents.")
    group: str = Field(
        "rowferry-vespa-sink",
        min_length=1,
        description=f"Consumer group; its offsets are the checkpoint. {NOT_PLAIN}",
    )
    mapping_file: Path | None = Field(
        None, description="YAML file that says which columns make title, text, project and times; defaults by name."
    )
    max_text_bytes: int = Field(512 * 1024, ge=0, description="Most of a row's text that is made searchable.")
    max_open_records: int = Field(
        20_000,
        ge=1,
        description="Most records read and not yet written. Partitions that do not move have half of it together; "
        "those that move share the rest.",
    )
    max_open_bytes: int = Field(
        64 * 1024 * 1024, ge=1, description="Most bytes in records read and not yet written; shared likewise."
    )
    commit_interval_s: float = Field(1, gt=0, le=60, description="Time between two commits of offsets.")
    revoke_timeout_s: float = Field(
        10, ge=0, le=120, description="Longest time to finish the writes of partitions that another member takes over."
    )
