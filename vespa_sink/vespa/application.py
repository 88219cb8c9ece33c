"""
The application package on Vespa: what is deployed is compared with what the sink writes, and a package is deployed.

The comparison uses pyvespa's client, the deployment the config server's own API: pyvespa deploys to Docker and to
Vespa Cloud only. Leaves to others: everything that happens while documents are fed.
"""

from __future__ import annotations

import asyncio
import io
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from schemas.errors import (
    AccessDenied,
    Neighbour,
    NeighbourMissing,
    ServerSetting,
    SettingsError,
    Unreachable,
)
from vespa_sink.documents.samples import samples
from vespa_sink.settings import SinkSettings
from vespa_sink.vespa.answers import Verdict, answer_of, stop_error, verdict

_PREPARE = "/application/v2/tenant/default/prepareandactivate"
_CONVERGED = (
    "/application/v2/tenant/default/application/default/environment/prod/region/default/instance/default"
    "/serviceconverge"
)
_PROBE_ID = "_rowferry"  # never written; pyvespa does not encode slashes
_LOOK_S = 1.0
_DEPLOY_S = 120.0
_REMEDY = "deploy the application package: vespa-sink deploy deploy/vespa"


def check(settings: SinkSettings) -> list[str]:
    """
    What the deployed application lacks, one line each; nothing is written.

    Raises `NeighbourMissing` when Vespa does not answer, `AccessDenied`, `ServerSetting`.
    """
    vespa = settings.vespa
    found: list[str] = []
    for document_type, sample in samples(vespa).items():
        whole = _try_fields(settings, document_type, sample)
        if whole is None:
            continue
        missing = [name for name in sample if _try_fields(settings, document_type, {name: sample[name]}) is not None]
        if len(missing) == len(sample):
            found.append(f"expected document type {document_type}, got none; {_REMEDY}")
        elif missing:
            found.append(f"expected fields {', '.join(missing)} in {document_type}, got others; {_REMEDY}")
        else:
            found.append(f"expected {document_type} to take a whole document, got {whole}; {_REMEDY}")
    return found


def _try_fields(settings: SinkSettings, document_type: str, fields: dict[str, Any]) -> str | None:
    """None when a document with these fields is accepted (by a put whose condition never holds), else the answer."""
    vespa = settings.vespa
    status, message = _put(
        vespa.url, vespa.namespace, document_type, fields, condition=f"{document_type}.version < {-(2**63)}"
    )
    answer = answer_of(status, {}, message)
    decided = verdict(answer)
    if decided is Verdict.STOP:
        raise stop_error(answer, vespa.url)
    if decided in (Verdict.RETRY, Verdict.THROTTLED):
        raise NeighbourMissing(
            expected=f"Vespa at {vespa.url} to answer",
            found=f"status {status}" if status else message,
            neighbour=Neighbour.VESPA,
            remedy="start Vespa, or set vespa.url",
        )
    return None if decided is not Verdict.REJECTED else f"status {status}"


def _put(url: str, namespace: str, document_type: str, fields: dict[str, Any], *, condition: str) -> tuple[int, str]:
    """One put by pyvespa: status (0 without an answer) and message."""
    try:
        from vespa.application import Vespa, VespaSync
    except ImportError as exc:
        raise SettingsError(
            "expected the package pyvespa, which only `check` needs, got none",
            remedy="pip install 'rowferry[deploy]'",
        ) from exc
    parts = urlsplit(url)
    app = Vespa(url=f"{parts.scheme}://{parts.hostname}", port=parts.port or {"http": 80, "https": 443}[parts.scheme])
    try:
        with VespaSync(app, num_retries_429=1) as session:
            response = session.feed_data_point(
                schema=document_type,
                data_id=_PROBE_ID,
                fields=fields,
                namespace=namespace,
                condition=condition,
            )
    except Exception as exc:  # pyvespa lets out whatever its HTTP library raises
        return _status_behind(exc), type(exc).__name__
    return int(response.status_code), str((response.json or {}).get("message", ""))


def _status_behind(error: Exception) -> int:
    """The status of the response that an error came from; 0 when there was none."""
    for each in (error, error.__cause__):
        status = getattr(getattr(each, "response", None), "status_code", None)
        if isinstance(status, int):
            return status
    return 0


def deploy(application: Path, config_server: str, wait_s: float) -> Iterator[str]:
    """
    Send the package to the config server and wait until all services run it; yields what happened.

    Raises `SettingsError` (no package), `Unreachable`, `ServerSetting` with Vespa's words (refused), `AccessDenied`.
    """
    package = zipped(application)
    message = asyncio.run(_prepare(config_server.rstrip("/"), package))
    yield message
    asyncio.run(_converge(config_server.rstrip("/"), time.monotonic() + wait_s))
    yield "all services run the new application"


def zipped(application: Path) -> bytes:
    """The package as the config server takes it."""
    if not (application / "services.xml").is_file():
        raise SettingsError(f"expected an application package with services.xml in {application}, got none")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(application.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(application).as_posix())
    return buffer.getvalue()


async def _prepare(config_server: str, package: bytes) -> str:
    status, answer = await _ask("POST", config_server + _PREPARE, package)
    message = str(answer.get("message", ""))
    if status in (401, 403):
        raise AccessDenied(
            expected=f"to be allowed to deploy at {config_server}",
            found=f"status {status}",
            neighbour=Neighbour.VESPA,
        )
    if status != 200:
        raise ServerSetting(
            expected=f"{config_server} to take the package",
            found=f"status {status}: {message}",
            neighbour=Neighbour.VESPA,
        )
    return message or "the package is active"


async def _converge(config_server: str, deadline: float) -> None:
    while True:
        status, answer = await _ask("GET", config_server + _CONVERGED, None)
        if status == 200 and answer.get("converged"):
            return
        if time.monotonic() >= deadline:
            raise NeighbourMissing(
                expected="all services to run the new application in time",
                found="some that do not",
                neighbour=Neighbour.VESPA,
            )
        await asyncio.sleep(_LOOK_S)


async def _ask(method: str, url: str, body: bytes | None) -> tuple[int, dict[str, Any]]:
    timeout = aiohttp.ClientTimeout(total=_DEPLOY_S)
    headers = {"Content-Type": "application/zip"} if body is not None else {}
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
            session.request(method, url, data=body) as response,
        ):
            answer = await response.json(content_type=None)
            return response.status, answer if isinstance(answer, dict) else {}
    except (aiohttp.ClientError, OSError, TimeoutError) as exc:
        raise Unreachable(
            expected=f"Vespa's config server at {url}", found=type(exc).__name__, neighbour=Neighbour.VESPA
        ) from exc
    except ValueError:
        return response.status, {}
