"""
Deploys an application package by the config server's own API.

(pyvespa deploys to Docker and to Vespa Cloud only.)

Keeps: V10.
"""

from __future__ import annotations

import asyncio
import io
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp

from cdc_runtime.no_answer import why
from cdc_runtime.settings.addresses import check_server_url
from cdc_runtime.vespa_answers import described, json_object
from schemas.errors import (
    AccessDenied,
    Neighbour,
    NeighbourMissing,
    ServerSetting,
    SettingsError,
    Unreachable,
)

_PREPARE = "/application/v2/tenant/default/prepareandactivate"
_CONVERGED = (
    "/application/v2/tenant/default/application/default/environment/prod/region/default/instance/default"
    "/serviceconverge"
)
_LOOK_S = 1.0
_DEPLOY_S = 120.0


def deploy(application: Path, config_server: str, wait_s: float) -> Iterator[str]:
    """
    Send the package to the config server and wait until all services run it; yields what happened.

    Raises `SettingsError` (no URL, no package), `Unreachable`, `AccessDenied`, `ServerSetting` with Vespa's words.
    """
    try:
        check_server_url(config_server)
    except ValueError as exc:
        raise SettingsError(f"--config-server: {exc}") from None
    package = zipped(application)
    message = asyncio.run(_prepare(config_server.rstrip("/"), package))
    yield message
    asyncio.run(_converge(config_server.rstrip("/"), wait_s))
    yield "all services run the new application"


def zipped(application: Path) -> bytes:
    """The package as the config server takes it."""
    if not (application / "services.xml").is_file():
        raise SettingsError(
            expected=f"an application package with services.xml in {application}",
            found="none",
            remedy="name the folder of the package: vespa-sink deploy deploy/vespa",
        )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(application.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(application).as_posix())
    return buffer.getvalue()


async def _prepare(config_server: str, package: bytes) -> str:
    status, answer, found = await _ask("POST", config_server + _PREPARE, package)
    message = str(answer.get("message", ""))
    if status in (401, 403):
        raise AccessDenied(
            expected=f"to be allowed to deploy at {config_server}",
            found=f"status {status}",
            neighbour=Neighbour.VESPA,
            remedy="let --config-server lead past what refuses: neither certificate nor token is sent",
        )
    if not message or 300 <= status < 400:  # Vespa says in words what became of it, well or not
        raise ServerSetting(
            expected=f"Vespa's config server at {config_server}",
            found=f"an answer that is not Vespa's ({found})",
            neighbour=Neighbour.VESPA,
            remedy="let --config-server lead to Vespa's config server itself",
        )
    if status != 200:
        raise ServerSetting(
            expected=f"{config_server} to take the package",
            found=f"status {status}: {message}",
            neighbour=Neighbour.VESPA,
            remedy="correct the package as Vespa says, and run the same command again",
        )
    return message


async def _converge(config_server: str, wait_s: float) -> None:
    deadline = time.monotonic() + wait_s
    while True:
        status, answer, _ = await _ask("GET", config_server + _CONVERGED, None)
        if status == 200 and answer.get("converged") is True:
            return
        if time.monotonic() >= deadline:
            raise NeighbourMissing(
                expected=f"all services of Vespa to run the new application within {wait_s:g} s",
                found=f"some that do not yet ({config_server}{_CONVERGED} names them)",
                neighbour=Neighbour.VESPA,
                remedy="run the same command again, with a longer --wait",
            )
        await asyncio.sleep(_LOOK_S)


async def _ask(method: str, url: str, body: bytes | None) -> tuple[int, Mapping[str, Any], str]:
    """Status, JSON object (empty: something else came), and what came in words."""
    timeout = aiohttp.ClientTimeout(total=_DEPLOY_S)
    headers = {"Content-Type": "application/zip"} if body is not None else {}
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
            session.request(method, url, data=body, allow_redirects=False) as response,
        ):
            found = described(response.status, response.headers.get("Content-Type"))
            return response.status, json_object(await response.read()), found
    except (aiohttp.ClientError, OSError, TimeoutError) as exc:
        raise Unreachable(
            f"Vespa's config server at {url} does not answer: {why(exc)}",
            neighbour=Neighbour.VESPA,
            remedy="start Vespa's config server, or correct --config-server",
        ) from exc
