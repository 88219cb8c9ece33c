"""
Vespa's own Java container over a document store of ours (``devstack/vespa``), in one JVM.

Real are the document API, the schema compiler, the query parser and chain; the store, matching and
ranking are ours. Documents stay over a restart. Faults are set while it runs, for tests.
"""

from __future__ import annotations

import http.client
import json
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from devstack import health, jars
from devstack.cache import Say
from devstack.errors import DevstackError
from devstack.java_server import JavaServer

_PROJECT = Path(__file__).with_name("vespa")
DEFAULT_APPLICATION = Path(__file__).parent.parent / "deploy" / "vespa"

_ASK_TIMEOUT_S = 10.0


class VespaServer(JavaServer):
    """A running Vespa container; ``url`` is the root of its document and search API."""

    kind = "vespa"
    heap = ("-Xms192m", "-Xmx1g")
    main_class = "rowferry.devstack.VespaServer"

    def __init__(
        self, folder: Path | None = None, application: Path | None = None, *, tied: bool = True, say: Say = print
    ) -> None:
        super().__init__(folder, tied=tied, say=say)
        known = self.record.details.get("application", str(DEFAULT_APPLICATION))
        self.record.details["application"] = str((application or Path(known)).absolute())

    @property
    def url(self) -> str:
        """The root of its API, without a slash at the end."""
        return f"http://{self.host}:{self.port}"

    address = url

    @property
    def application(self) -> Path:
        """The application package that it runs."""
        return Path(self.record.details["application"])

    def healthy(self) -> bool:
        """Whether it answers a client now; raises nothing."""
        return health.vespa(self.url) is None

    def restart(self, application: Path | None = None) -> None:
        """Stop it if it runs, and start it again with its documents, on another application package if given."""
        if application is not None:
            self.record.details["application"] = str(application.absolute())
        self._start_again()

    def set_fault(
        self,
        status: int = 0,
        *,
        count: int = 0,
        match: str = "",
        method: str = "",
        delay_ms: int = 0,
        lose_reply: bool = False,
        applied: bool = False,
        blocked: bool = False,
    ) -> None:
        """
        Let requests go wrong from now on, beside the faults already set.

        ``status``: the answer, 0 leaves it alone. ``count``: how many requests it strikes, 0 means all.
        ``match``: start of a document id or of a path (``/search/``), empty means any single document.
        ``method``: of HTTP, empty means any. ``delay_ms``: wait before handling. ``lose_reply``: handle
        it, then close the connection. ``applied``: with 500, 504, 507, carry it out and then answer so.
        ``blocked``: with 429, let the real handler's queue fill up. Raises DevstackError.
        """
        fault = {
            "status": status,
            "count": count,
            "match": match,
            "method": method,
            "delay_ms": delay_ms,
            "lose_reply": lose_reply,
            "applied": applied,
            "blocked": blocked,
        }
        self._control("PUT", "/rowferry/faults", fault)

    def faults(self) -> list[dict[str, Any]]:
        """The faults that are set (``fault``), each with how often it struck (``hits``)."""
        found: list[dict[str, Any]] = self._control("GET", "/rowferry/faults")["faults"]
        return found

    def clear_faults(self) -> None:
        """Let all go right again."""
        self._control("DELETE", "/rowferry/faults")

    def expire(self, now_s: int | None = None) -> int:
        """Remove the documents that the application's selections let expire; returns how many."""
        return int(self._control("POST", "/rowferry/expire", None if now_s is None else {"now": now_s})["removed"])

    def documents(self) -> dict[str, int]:
        """Document type to the number of documents there."""
        return dict(self._control("GET", "/rowferry/stats")["documents"])

    @classmethod
    def jar_folder(cls, say: Say) -> Path:
        """The folder of Vespa's jars and ours."""
        return jars.folder("vespa", _PROJECT, _goals, _remove_build, say)

    @classmethod
    def throwaway(cls, say: Say) -> VespaServer:
        """A container of the default application with a temporary folder, not begun."""
        return cls(say=say)

    def _arguments(self) -> list[str]:
        self._ready_file.unlink(missing_ok=True)
        options = {
            "--application": self.application,
            "--port": self.port,
            "--data": self.folder / "data",
            "--ready-file": self._ready_file,
        }
        return [str(part) for option in options.items() for part in option]

    def _ready(self) -> bool:
        return self._ready_file.exists()

    @property
    def _ready_file(self) -> Path:
        return self.folder / "ready"

    def _control(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = json.loads(self._ask(method, path, body))
        except urllib.error.HTTPError as exc:
            with exc:
                raise DevstackError(f"{method} {path} was answered by {exc.code}: {exc.read().decode()}") from exc
        except (OSError, http.client.HTTPException) as exc:
            raise DevstackError(f"vespa at {self.url} does not answer {method} {path}: {exc}") from exc
        return answer

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        with urllib.request.urlopen(request, timeout=_ASK_TIMEOUT_S) as answer:
            content: bytes = answer.read()
        return content


def start(
    data_dir: Path | None = None,
    application: Path | None = None,
    *,
    port: int | None = None,
    tied: bool = True,
    say: Say = print,
) -> VespaServer:
    """
    Start the container with its documents in that folder, and return when it answers.

    ``application`` is the package to run (``deploy/vespa`` unless the folder knows another).
    ``say`` gets lines of progress. Raises DevstackError, with Vespa's own message for a wrong package.
    """
    return VespaServer(data_dir, application, tied=tied, say=say).begin(port)


def _goals(output: Path) -> list[str]:
    return ["package", f"-Drowferry.output={output}"]


def _remove_build(output: Path) -> None:
    shutil.rmtree(output / "vespa-build", ignore_errors=True)
