"""
Logs: structlog to stderr, JSON unless a person is looking; librdkafka and other libraries through the same pipe.

Keys: `ts`, `level`, `service`, `logger`, `event`, then what varies. Row values and secrets are never logged: that is
the callers' matter; exceptions are logged with their trace, without local variables.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

import structlog

from cdc_runtime.settings.models import LogSettings

# librdkafka says the same of each broker once a second while it is away.
_REPEAT_AFTER_S = 60.0
_VARYING = re.compile(r"\[[^\]]*\]|\(after \d+ms[^)]*\)|\d+ms")
_MOST_KEPT = 1000
# Libraries that say at INFO what only their authors want to know; some of them at DEBUG what no one may (signatures).
_QUIET = ("asyncio", "aiohttp.access", "boto3", "botocore", "google", "urllib3")


class Repeats(logging.Filter):
    """
    Lets a message of a library through once a minute; the next one says how many were `suppressed`.

    All that is said of one `broker` at one level is the same message: each client of the process finds it gone.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._said: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Decide about one message; messages that differ in instance or duration only are the same."""
        broker = getattr(record, "broker", None)
        key = _VARYING.sub("", record.getMessage()) if broker is None else f"{record.levelno} {broker}"
        now = self._clock()
        said_at, suppressed = self._said.get(key, (None, 0))
        if said_at is not None and now - said_at < _REPEAT_AFTER_S:
            self._said[key] = (said_at, suppressed + 1)
            return False
        if len(self._said) >= _MOST_KEPT:
            self._said.clear()
        self._said[key] = (now, 0)
        if suppressed:
            record.suppressed = suppressed
        return True


def configure(settings: LogSettings, service: str, stream: TextIO | None = None) -> None:
    """Set up logging for this process; may be called again, the last call wins."""
    stream = sys.stderr if stream is None else stream
    console = settings.format == "console" or (settings.format == "auto" and stream.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp" if console else "ts"),
        _with_service(service),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(console=console)],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        if isinstance(old.formatter, structlog.stdlib.ProcessorFormatter):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(settings.level)
    librdkafka = logging.getLogger("librdkafka")
    librdkafka.filters = [Repeats()]
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _renderers(*, console: bool) -> list[Any]:
    if console:
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(sort_keys=False, default=str)]


def _with_service(service: str) -> Any:  # noqa: ANN401
    def add(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
        event.setdefault("service", service)
        return event

    return add
