"""
Health and metrics over HTTP, in a thread of its own, so that a blocked service can still be looked at.

`/startupz` 200 once the service has made its first attempt to connect (not: succeeded).
`/livez`    200 while the main loop has ticked within the last minute; never depends on neighbours.
`/readyz`   200 while `ready`; else 503 with the reasons. Lag never counts: a restart makes it larger.
`/statusz`  JSON for people and consoles. `/metrics` for Prometheus.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from cdc_runtime.settings.models import HttpSettings
from cdc_runtime.subjects import SERVICE, Subject
from schemas.errors import SettingsError

_log = structlog.get_logger(__name__)
# Above the longest time for which a service's loop may wait on one call.
TICK_LIMIT_S = 60.0
_PLAIN = "text/plain; charset=utf-8"
_REQUEST_TIMEOUT_S = 10


class Health:
    """What the probes see. All methods may be called from any thread."""

    def __init__(self, service: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._service = service
        self._clock = clock
        self._lock = threading.Lock()
        self._started = False
        self._ticked_at = clock()
        # Not ready until somebody says so.
        self._reasons: dict[Subject, str] = {SERVICE: "starting"}
        self._details: dict[str, Callable[[], object]] = {}

    def started(self) -> None:
        """The settings are read and the first connect was attempted."""
        self._started = True
        self.tick()

    def tick(self) -> None:
        """The main loop is going round."""
        self._ticked_at = self._clock()

    def not_ready(self, reason: str, subject: Subject = SERVICE) -> None:
        """Be not ready for a reason; one reason for each subject."""
        with self._lock:
            self._reasons[subject] = reason

    def ready(self, subject: Subject = SERVICE) -> None:
        """Take a subject's reason back; the service is ready when none is left."""
        with self._lock:
            self._reasons.pop(subject, None)

    def detail(self, name: str, value: Callable[[], object]) -> None:
        """Show a value on `/statusz`; called at each request, from another thread."""
        with self._lock:
            self._details[name] = value

    def startup(self) -> tuple[bool, str]:
        """Whether the service has started, and why not."""
        return (True, "started") if self._started else (False, "starting")

    def liveness(self) -> tuple[bool, str]:
        """Whether the main loop goes round, and since when not."""
        age_s = self._clock() - self._ticked_at
        if age_s < TICK_LIMIT_S:
            return True, "alive"
        return False, f"the main loop has stood still for {age_s:.0f} s, {TICK_LIMIT_S:g} s are allowed"

    def readiness(self) -> tuple[bool, str]:
        """Whether the service is ready, and all reasons why not."""
        with self._lock:
            reasons = sorted(f"{subject}: {reason}" for subject, reason in self._reasons.items())
        return (False, "; ".join(reasons)) if reasons else (True, "ready")

    def status(self) -> dict[str, object]:
        """Everything for `/statusz`."""
        with self._lock:
            details = dict(self._details)
            reasons = {str(subject): reason for subject, reason in self._reasons.items()}
        return {
            "service": self._service,
            "started": self._started,
            "live": self.liveness()[0],
            "ready": not reasons,
            "reasons": reasons,
            "tick_age_s": round(self._clock() - self._ticked_at, 3),
            **{name: value() for name, value in details.items()},
        }


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], health: Health, registry: CollectorRegistry) -> None:
        self.health = health
        self.registry = registry
        super().__init__(address, _Requests)


class _Requests(BaseHTTPRequestHandler):
    server: _Server
    timeout = _REQUEST_TIMEOUT_S
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer one request."""
        health = self.server.health
        path = self.path.split("?", 1)[0]
        probes = {"/startupz": health.startup, "/livez": health.liveness, "/readyz": health.readiness}
        if path in probes:
            good, reason = probes[path]()
            self._answer(200 if good else 503, _PLAIN, reason + "\n")
        elif path == "/statusz":
            self._answer(200, "application/json", json.dumps(health.status(), default=str) + "\n")
        elif path == "/metrics":
            self._answer(200, CONTENT_TYPE_PLAIN_0_0_4, generate_latest(self.server.registry).decode())
        else:
            known = ", ".join([*probes, "/statusz", "/metrics"])
            self._answer(404, _PLAIN, f"expected one of {known}\n")

    def do_HEAD(self) -> None:
        """Answer without the body."""
        self.do_GET()

    def _answer(self, status: int, content_type: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Probes are not worth a line."""


class HealthServer:
    """Serves `Health` and a registry of metrics until `close`; a context manager."""

    def __init__(self, settings: HttpSettings, health: Health, registry: CollectorRegistry) -> None:
        try:
            self._server = _Server((settings.host, settings.port), health, registry)
        except (OSError, UnicodeError) as exc:
            reason = getattr(exc, "strerror", None) or "a name that cannot be resolved"
            raise SettingsError(
                expected="a free address for http.host and http.port",
                found=f"{reason.lower()} at {settings.host}:{settings.port}",
                remedy="set http.port to another port, or to 0 for a free one",
            ) from exc
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)
        self._thread.start()
        _log.info("health and metrics served", host=settings.host, port=self.port)

    def close(self) -> None:
        """Stop serving; may be called twice."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> HealthServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
