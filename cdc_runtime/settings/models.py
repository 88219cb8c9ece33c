"""
Settings of a service: read once, into a frozen model, from flags > environment > secret files > YAML > defaults.

Rules:
1. An unknown name is an error, wherever it stands; a name of another service of the product is passed over,
   since one environment or one file may serve several services (`settings_names`).
2. Every problem is reported at once, one line each, by name and origin; values are never repeated.
3. Nothing else in the product looks at the environment. Secrets that came from files are read again at every
   (re)connect, by `secret` and `secret_reader`.

Leaves to others: reading the sources (`settings_sources`), wording the problems (`settings_errors`),
the documentation (`settings_docs`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from cdc_runtime.settings.addresses import Brokers
from cdc_runtime.settings.problems import problems_of
from cdc_runtime.settings.product_names import PRODUCT_SETTINGS
from cdc_runtime.settings.sources import (
    CONFIG_FILE_VARIABLE,
    LEGACY_VARIABLES,
    SECRETS_DIR_VARIABLE,
    Layer,
    environment_layer,
    flags_layer,
    legacy_layer,
    refuse_unknown,
    secrets_layer,
    yaml_layer,
)
from schemas.errors import SettingsError

# Options that carry a guarantee (exactly once, read committed, order): the clients alone set them.
RESERVED_CLIENT_OPTIONS = frozenset(
    {
        "acks",
        "bootstrap.servers",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "enable.idempotence",
        "group.id",
        "isolation.level",
        "max.poll.interval.ms",
        "metadata.broker.list",
        "partition.assignment.strategy",
        "partitioner",
        "request.required.acks",
        "transaction.timeout.ms",
        "transactional.id",
    }
)


def _upper(value: object) -> object:
    return {"WARN": "WARNING"}.get(value.upper(), value.upper()) if isinstance(value, str) else value


def _option_texts(value: object) -> object:
    """Let YAML write numbers and booleans; refuse what the clients set themselves."""
    if not isinstance(value, dict):
        return value
    reserved = sorted(RESERVED_CLIENT_OPTIONS.intersection(value))
    if reserved:
        raise ValueError(f"the service sets {', '.join(reserved)} itself: remove it")
    return {key: str(item).lower() if isinstance(item, bool) else str(item) for key, item in value.items()}


class SettingsGroup(BaseModel):
    """A group of settings inside a service's settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    _secret_files: dict[str, Path] = PrivateAttr(default_factory=dict)

    def secret(self, name: str) -> str | None:
        """
        Give a secret of this group as it is now.

        One that came from a file is read from it at each call, so that a rotated password is used at the next
        connect. Raises `SettingsError` when the file is gone.
        """
        path = self._secret_files.get(name)
        return _plain(getattr(self, name)) if path is None else _read_secret(name, path)


class LogSettings(SettingsGroup):
    """What is logged, and how it is written."""

    level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)] = Field(
        "INFO", description="Least severe level that is logged."
    )
    format: Literal["auto", "json", "console"] = Field(
        "auto", description="`json`: one object per line; `console`: for eyes; `auto`: console on a terminal."
    )


def http_port(default: int) -> Any:  # noqa: ANN401  # as pydantic's own Field
    """The field `port` of a service's `HttpSettings`: each service has a port of its own, so that one host runs all."""
    return Field(
        default, ge=0, le=65535, description="Port for health and metrics; 0 takes a free one. The log says which."
    )


class HttpSettings(SettingsGroup):
    """Where health and metrics are served."""

    host: str = Field(
        "0.0.0.0",  # noqa: S104  # probes and Prometheus come from outside the container
        description="Address on which `/livez`, `/readyz`, `/startupz`, `/statusz` and `/metrics` are served.",
    )
    port: int = http_port(0)


class KafkaSettings(SettingsGroup):
    """How Kafka is reached and how topics are laid out."""

    bootstrap_servers: Brokers = Field(
        "localhost:9092", description="Brokers to start from, `host:port`, separated by commas."
    )
    prefix: str = Field(
        "cdc",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
        description="Prefix of all topics of this pipeline.",
    )
    client: Annotated[dict[str, str], BeforeValidator(_option_texts)] = Field(
        default_factory=dict,
        description="More librdkafka options, such as `security.protocol`, `sasl.mechanism`, `ssl.ca.location`.",
    )
    sasl_password: SecretStr | None = Field(None, description="Password for SASL; best given as a secret file.")
    replication_factor: int | None = Field(
        None, ge=1, le=32767, description="Copies of each partition of topics we create; none: the broker's default."
    )
    partitions: int = Field(
        3, ge=1, le=1000, description="Partitions of each topic to come; those that exist keep theirs."
    )


_layers: ContextVar[tuple[Layer, ...]] = ContextVar("layers", default=())


class _LayerSource(PydanticBaseSettingsSource):
    """Hands one gathered layer to pydantic-settings, which merges them."""

    def __init__(self, settings_cls: type[BaseSettings], layer: Layer) -> None:
        super().__init__(settings_cls)
        self._layer = layer

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ANN401
        return self._layer.nested().get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return self._layer.nested()


class LoadedSettings(BaseSettings):
    """The base of every settings model: frozen, strict; constructed directly it reads no source at all."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, env_prefix="ROWFERRY_", env_nested_delimiter="__"
    )
    legacy_variables: ClassVar[Mapping[str, str]] = LEGACY_VARIABLES

    _secret_files: dict[str, Path] = PrivateAttr(default_factory=dict)
    _origins: dict[str, str] = PrivateAttr(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only the layers that `load` gathered; none when a model is constructed directly."""
        return (init_settings, *(_LayerSource(settings_cls, layer) for layer in _layers.get()))

    def origin(self, name: str) -> str:
        """Where a setting (dotted name) came from: `default`, `flag --x`, `environment X`, `x.yaml:3` ..."""
        return self._origins.get(name, "default")

    def secret(self, name: str) -> str | None:
        """Like `SettingsGroup.secret`, for a secret outside the groups."""
        path = self._secret_files.get(name)
        return _plain(getattr(self, name)) if path is None else _read_secret(name, path)

    def secret_reader(self, name: str) -> Callable[[], str | None]:
        """Give a function that returns the secret (dotted name) as it is at the time of the call."""
        *groups, last = name.split(".")
        owner: Any = self
        for group in groups:
            owner = getattr(owner, group)
        secret: Callable[[str], str | None] = owner.secret
        return lambda: secret(last)

    def _remember(self, origins: Mapping[str, str], secret_files: Mapping[str, Path]) -> None:
        self._origins.update(origins)
        for name, path in secret_files.items():
            *groups, last = name.split(".")
            owner: Any = self
            for group in groups:
                owner = getattr(owner, group)
            owner._secret_files[last] = path


class ServiceSettings(LoadedSettings):
    """What every service needs to know."""

    log: LogSettings = Field(default_factory=LogSettings, description="Logging.")
    http: HttpSettings = Field(default_factory=HttpSettings, description="Health and metrics.")
    kafka: KafkaSettings = Field(default_factory=KafkaSettings, description="Kafka.")
    start_timeout_s: float = Field(
        60, gt=0, le=3600, description="How long a neighbour is waited for at the start, before exit 69."
    )
    neighbour_timeout_s: float = Field(
        20, gt=0, le=300, description="How long a neighbour may not answer before the service is not ready."
    )
    stop_timeout_s: float = Field(
        60, gt=0, le=3600, description="Longest time between SIGTERM and exit; all steps of stopping share it."
    )


S = TypeVar("S", bound=LoadedSettings)


def load(
    cls: type[S],
    argv: Sequence[str],
    *,
    prog: str | None = None,
    environ: Mapping[str, str] | None = None,
    product: frozenset[str] = PRODUCT_SETTINGS,
) -> S:
    """
    Read the settings of a service from all sources.

    `argv` holds flags only, without the program and its subcommand. `product` names (dotted) the settings of all
    services. Raises `UsageError` (a flag) or `SettingsError`: all problems, one per line.
    """
    environ = os.environ if environ is None else environ
    problems: list[str] = []
    flags, locations = flags_layer(cls, argv, prog)
    layers = [flags, environment_layer(environ), legacy_layer(environ, cls, cls.legacy_variables)]
    secrets_dir = locations.secrets_dir or environ.get(SECRETS_DIR_VARIABLE)
    secret_files = _secret_files(Path(secrets_dir)) if secrets_dir else {}
    layers.append(secrets_layer({name: _read_secret(name, path) for name, path in secret_files.items()}, secret_files))
    config_file = locations.config or environ.get(CONFIG_FILE_VARIABLE)
    if config_file:
        layers.append(yaml_layer(cls, _read_config(Path(config_file)), Path(config_file).name))
    accepted = tuple(refuse_unknown(layer, cls, product, problems) for layer in layers)
    settings = _validated(cls, accepted, problems)
    if settings is None or problems:
        raise SettingsError("\n".join(problems))
    origins = {name: entry.origin for layer in reversed(accepted) for name, entry in layer.entries.items()}
    from_files = {n: path for n, path in secret_files.items() if origins.get(n, "").startswith("secret file")}
    settings._remember(origins, from_files)
    return settings


def _validated(cls: type[S], layers: tuple[Layer, ...], problems: list[str]) -> S | None:
    token = _layers.set(layers)
    try:
        return cls()
    except ValidationError as exc:
        problems.extend(problems_of(exc, cls, layers))
        return None
    finally:
        _layers.reset(token)


def _read_config(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsError(f"expected a readable UTF-8 file of settings at {str(path)!r}, got {_why(exc)}") from exc


def _read_secret(name: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsError(f"{name}: expected a readable secret file {str(path)!r}, got {_why(exc)}") from exc


def _secret_files(directory: Path) -> dict[str, Path]:
    """Dotted name -> file: `kafka__sasl_password`, `kafka.sasl_password` or `kafka/sasl_password`.

    Names that begin with a dot are passed over: Kubernetes mounts secrets through `..data`.
    """
    if not directory.is_dir():
        raise SettingsError(f"expected a directory of secret files at {str(directory)!r}, got none")
    files = [
        path
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(directory).parts)
    ]
    return {".".join(path.relative_to(directory).parts).replace("__", ".").lower(): path for path in files}


def _plain(value: object) -> str | None:
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    return None if text is None else str(text)


def _why(exc: Exception) -> str:
    return exc.strerror.lower() if isinstance(exc, OSError) and exc.strerror else "something else"
