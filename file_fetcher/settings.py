"""What the fetcher needs to know. Every field is documented here and only here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from cdc_runtime.pipeline_names import NOT_PLAIN
from cdc_runtime.settings.addresses import HttpAddress, OptionalServerUrl, ServerUrl, StoreUrl
from cdc_runtime.settings.models import HttpSettings, ServiceSettings, SettingsGroup, http_port
from schemas.file_results import MOST_ATTEMPTS


class FetcherHttpSettings(HttpSettings):
    """Where health and metrics are served."""

    port: int = http_port(8083)


class S3Settings(SettingsGroup):
    """Where objects lie. Credentials come from boto3's chain (`AWS_ACCESS_KEY_ID`, profiles, roles ...)."""

    bucket: str = Field("", description="Bucket of all keys for which no rule of `bucket_of` names another.")
    bucket_of: dict[str, str] = Field(
        default_factory=dict,
        description="Other buckets by `table.column` (`*` and `?` match, the first match counts): `photos.*: photos`.",
    )
    endpoint_url: OptionalServerUrl = Field("", description="S3 endpoint; empty: Amazon's, by region.")
    endpoint_of: dict[str, ServerUrl] = Field(
        default_factory=dict, description="Other endpoints by bucket (`*` and `?` match; the first match counts)."
    )
    region: str = Field("", description="Region of the buckets; `AWS_REGION` works as well. Empty: looked up.")
    region_of: dict[str, str] = Field(default_factory=dict, description="Other regions by bucket.")
    access_key_id: str = Field(
        "", description="Access key; empty: where boto3 looks by itself (AWS_ variables, profile, role)."
    )
    secret_access_key: SecretStr | None = Field(
        None, description="Secret of access_key_id; best given as a secret file."
    )
    requester_pays: list[str] = Field(default_factory=list, description="Buckets whose requester pays.")
    engine: Literal["obstore", "boto3"] = Field(
        "obstore", description="`obstore` is faster; keys that it cannot address go to boto3 in any case."
    )


class UrlSettings(SettingsGroup):
    """Which links may be followed."""

    hosts: list[str] = Field(
        default_factory=list,
        description="Hosts from which files may be fetched: `files.example.com`, `*.example.com`, "
        "`http://host:8000`; with ` private` behind it the host may have private addresses.",
    )
    any_public_host: bool = Field(default=False, description="Follow links to every host with public addresses.")
    s3_hosts: list[str] = Field(
        default_factory=list,
        description="Hosts beside Amazon's whose links are read as `https://host/bucket/key`, for `s3_buckets`.",
    )
    s3_buckets: list[str] = Field(
        default_factory=list,
        description="Buckets that an expired link may be fetched from with our own credentials (`*` matches).",
    )


class GoogleSettings(SettingsGroup):
    """Links to Google Sheets."""

    credentials_file: Path | None = Field(
        None, description="JSON key of the service account that may read the sheets; without it they are skipped."
    )
    export_url: HttpAddress = Field(
        "https://www.googleapis.com/drive/v3/files",
        description="Where sheets are exported: Drive's API.",
    )


class LimitSettings(SettingsGroup):
    """What is fetched, and how much is taken out of it."""

    types: list[str] = Field(
        default=["pdf", "jpg", "jpeg", "png", "gif", "tiff", "txt", "csv", "xlsx"],
        description="Types of files that are fetched; what a file is, its bytes decide.",
    )
    max_bytes: int = Field(100 * 1024 * 1024, ge=1, description="Largest file.")
    text_bytes: int = Field(512 * 1024, ge=0, le=8 * 1024 * 1024, description="Most text in a result.")
    max_text_chars: int = Field(10_000_000, ge=1, description="Most text that is kept of a file.")
    max_rows: int = Field(100_000, ge=1, description="Most rows taken out of a spreadsheet.")
    max_columns: int = Field(500, ge=1, description="Most columns of a row; a row with more is rejected.")
    max_cell_chars: int = Field(32_767, ge=1, description="Longest cell; a row with a longer one is rejected.")


class DownloadSettings(SettingsGroup):
    """How files are fetched."""

    connections: int = Field(8, ge=1, le=512, description="Downloads at the same time at the start; it adapts.")
    max_connections: int = Field(64, ge=1, le=512, description="Most downloads at the same time.")
    connect_timeout_s: float = Field(5, gt=0, le=120, description="Longest time for a connection.")
    read_timeout_s: float = Field(20, gt=0, le=600, description="Longest silence of a server.")
    timeout_s: float = Field(600, gt=0, description="Longest time for one file.")


class ParserSettings(SettingsGroup):
    """Reading files in child processes."""

    workers: int = Field(2, ge=1, le=64, description="Child processes that read files.")
    memory_bytes: int = Field(
        1024 * 1024 * 1024,
        ge=64 * 1024 * 1024,
        description="Most memory (address space) of a process that reads files, in bytes.",
    )
    timeout_s: float = Field(60, gt=0, description="Longest time for one file.")
    files_per_child: int = Field(200, ge=1, description="After so many files such a process is replaced by a new one.")


class RetrySettings(SettingsGroup):
    """What happens when a file cannot be had."""

    delays_s: list[Annotated[float, Field(ge=0, le=604_800)]] = Field(
        default=[5, 30, 300, 1800, 7200, 43200],
        max_length=MOST_ATTEMPTS - 1,
        description="Pauses before each further attempt; after the last the reference has failed.",
    )
    breaker_failures: int = Field(
        5, ge=1, description="Failures in a row after which a bucket or host is not asked for a while."
    )
    breaker_delay_s: float = Field(5, gt=0, description="How long it is not asked at first; doubles up to 5 minutes.")


class FetcherSettings(ServiceSettings):
    """Settings of `file-fetcher`."""

    http: FetcherHttpSettings = Field(default_factory=FetcherHttpSettings, description="Health and metrics.")
    s3: S3Settings = Field(default_factory=S3Settings, description="Object stores.")
    urls: UrlSettings = Field(default_factory=UrlSettings, description="Links in columns of kind `url`.")
    google: GoogleSettings = Field(default_factory=GoogleSettings, description="Google Sheets.")
    limits: LimitSettings = Field(default_factory=LimitSettings, description="What is fetched.")
    download: DownloadSettings = Field(default_factory=DownloadSettings, description="Downloads.")
    parsers: ParserSettings = Field(default_factory=ParserSettings, description="Parsers.")
    retry: RetrySettings = Field(default_factory=RetrySettings, description="Retries.")
    fetcher_group: str = Field(
        "rowferry-file-fetcher",
        min_length=1,
        description=f"Consumer group; its offsets are the checkpoint. {NOT_PLAIN}",
    )
    data_directory: Path = Field(
        Path("rowferry-files"),
        description="Folder for downloads under way and for the local store of references, which is rebuilt when lost.",
    )
    store_url: StoreUrl = Field(
        "", description="Where contents are kept: `s3://bucket/prefix`, or a folder; empty: `store` in data_directory."
    )
    project_columns: list[str] = Field(
        default=["project_id"], description="Columns whose first value goes with a file as its project."
    )
    state_partitions: int | None = Field(
        None,
        ge=1,
        description="How many partitions of the fetcher's own topics are used. Set it only where partitions were "
        "added to them: to how many there were before.",
    )
    max_open_references: int = Field(
        2_000, ge=1, description="Most references read and not yet ended; half of them of one partition."
    )
    publish_interval_s: float = Field(0.2, gt=0, le=10, description="Time between two transactions at most.")
    commit_interval_s: float = Field(5, gt=0, le=60, description="Time between commits while there is nothing else.")
