"""What all Kafka clients share: configuration, and the memory of errors that calls do not return."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException, Message

from cdc_runtime.call_bounds import bound_of
from cdc_runtime.consuming.records import Headers, Record
from cdc_runtime.kafka.broker_watch import INTERVAL_MS, BrokerWatch
from cdc_runtime.kafka.client_log import ClientLog
from cdc_runtime.kafka.errors import kafka_error, only_reported, translate
from cdc_runtime.kafka.rights import Asker
from cdc_runtime.settings.models import KafkaSettings
from schemas.errors import AccessDenied, Neighbour, RowferryError, SettingsError, Unreachable

# An authentication error older than this does not explain a time-out of now.
_REMEMBER_S = 30.0

C = TypeVar("C")
T = TypeVar("T")
_OPTION_NAME = re.compile(r"(?<![/\w.])(?:[a-z]+(?:\.[a-z0-9]+)+|[a-z]+_cb)(?![/\w])")
Option = str | int | float | bool | object


class ErrorMemory:
    """
    Remembers what librdkafka reports beside the calls.

    A wrong password shows only here: the call itself just times out. A fatal error (a fence, above all) is raised once,
    by whatever serves reports; calls answer `_FATAL` from then on, whatever it was. `log`: where its lines go;
    `asker`: who is refused.
    """

    def __init__(self) -> None:
        self.log = ClientLog()
        self.asker = Asker()
        self._denied: KafkaError | None = None
        self._denied_at = 0.0
        self._fatal: KafkaError | None = None

    def __call__(self, error: KafkaError) -> None:
        """Take a report; librdkafka calls this from `poll`."""
        self._remember_fatal(error)
        if isinstance(translate(error, "work"), AccessDenied):
            self._denied, self._denied_at = error, time.monotonic()

    @property
    def denied(self) -> KafkaError | None:
        """The last refusal, unless it is old."""
        return self._denied if time.monotonic() - self._denied_at < _REMEMBER_S else None

    def translate(self, problem: KafkaError | KafkaException, action: str) -> RowferryError:
        """Like `errors.translate`, but a time-out after a refusal is the refusal, and `_FATAL` what was fatal."""
        error = kafka_error(problem)
        if error is not None:
            self._remember_fatal(error)
            if error.code() == KafkaError._FATAL and self._fatal is not None:
                return translate(self._fatal, action, self.asker)
        timed_out = error is not None and error.code() in (
            KafkaError._TIMED_OUT,
            KafkaError._TRANSPORT,
            KafkaError._ALL_BROKERS_DOWN,
        )
        return translate(self.denied if timed_out and self.denied is not None else problem, action, self.asker)

    @property
    def fatal(self) -> KafkaError | None:
        """The first error that ended the client; what is reported behind it may follow from it."""
        return self._fatal

    def remember(self, problem: KafkaException) -> None:
        """Keep what was raised where reports were served, and not by a call of the owner's."""
        error = kafka_error(problem)
        if error is not None:
            self._remember_fatal(error)

    def _remember_fatal(self, error: KafkaError) -> None:
        if self._fatal is None and error.fatal() and error.code() != KafkaError._FATAL:
            self._fatal = error

    @contextmanager
    def translating(self, action: str) -> Iterator[None]:
        """Let only our own errors out of the block."""
        try:
            with only_reported():
                yield
        except KafkaException as exc:
            raise self.translate(exc, action) from exc


def client_config(
    settings: KafkaSettings, errors: ErrorMemory, watch: BrokerWatch | None = None, /, **own: Option
) -> dict[str, Option]:
    """
    Build the options of one client: the operator's, then ours (underscores for dots), which win.

    It holds the password and must not be logged. The password is read again for each client. `watch`: only for a client
    that is polled as long as it lives; nothing else takes statistics away.
    """
    config: dict[str, Option] = dict(settings.client)
    password = settings.secret("sasl_password")
    if password is not None:
        config["sasl.password"] = password
    config |= {
        "bootstrap.servers": settings.bootstrap_servers,
        "error_cb": errors,
        "logger": errors.log,
        # A neighbour that comes back is found at once instead of after 10 s.
        "reconnect.backoff.max.ms": 1000,
    }
    errors.asker = Asker(
        settings.bootstrap_servers,
        settings.prefix,
        settings.client.get("sasl.username", ""),
        str(own.get("group_id", "")),
        str(own.get("transactional_id", "")),
    )
    if watch is not None:
        config |= {"stats_cb": watch, "statistics.interval.ms": INTERVAL_MS}
    return config | {name.replace("_", "."): value for name, value in own.items()}


def make_client(kind: Callable[[dict[str, Any]], C], settings: KafkaSettings, config: Mapping[str, Any]) -> C:
    """
    Make a client of librdkafka with such options.

    Raises `SettingsError` with the name of the option that librdkafka does not take; its own words may quote a value.
    """
    try:
        return kind(dict(config))
    except (KafkaException, TypeError, ValueError) as exc:
        given = sorted(settings.client)
        # It calls some options by another name than the operator did (`linger.ms`), or by none.
        named = refused_options(str(exc), config) or given
        also = "" if set(named) & set(given) or not given else f" (kafka.client sets {', '.join(given)})"
        raise SettingsError(
            "kafka.client: expected options that librdkafka takes, "
            f"got another name or value for {', '.join(named)}{also}",
            remedy="compare them with CONFIGURATION.md of librdkafka",
        ) from None


def refused_options(message: str, config: Mapping[str, Any]) -> list[str]:
    """The options that a message of librdkafka is about: names in it that are not (a part of) a value."""
    names = {name for name in config if f'"{name}"' in message} | set(_OPTION_NAME.findall(message))
    values = [str(value) for value in config.values()]
    return sorted(name for name in names if not any(name in value for value in values))


def answer(future: Future[T], timeout_s: float, action: str) -> T:
    """
    The result of an administrative call that was given this time-out; raises what the call raises.

    `Unreachable` when librdkafka never says how it ended (rule P13): nothing is stuck, so the caller may ask again.
    """
    try:
        return future.result(bound_of(timeout_s))
    except TimeoutError as exc:
        raise Unreachable(
            expected=f"Kafka to {action} within {bound_of(timeout_s):g} s", found="no answer", neighbour=Neighbour.KAFKA
        ) from exc


def record_of(message: Message) -> Record:
    """Make a value of a message that holds a record and no error."""
    found = message.headers()
    headers: Headers = tuple(_header(*pair) for pair in found) if isinstance(found, list) else ()
    return Record(
        message.topic() or "",
        message.partition() or 0,
        message.offset() or 0,
        message.key(),
        message.value(),
        message.timestamp()[1],
        headers,
    )


def _header(name: str, value: str | bytes | None) -> tuple[str, bytes | None]:
    return name, value.encode() if isinstance(value, str) else value
