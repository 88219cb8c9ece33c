"""
What a demo that was left running leaves in its data folder, so that a later command can end it.

    servers/           PostgreSQL, Kafka, Vespa, S3 (devstack.stack)
    files/             what file-fetcher keeps: contents, and its local store of references
    cdc-reader.log, vespa-sink.log, file-fetcher.log
    rowferry.env       the settings, to be read by a shell; holds passwords, so only the owner may read it
    demo.json          the processes of the services
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from devstack import stack
from devstack.demo.services import Service
from devstack.errors import DevstackError
from devstack.processes import Identity

DEFAULT_DATA = Path(".devstack/demo")
_STATE = "demo.json"
_SETTINGS = "rowferry.env"
_FORMAT = 1
_STOP_S = 20.0


def servers_folder(data: Path) -> Path:
    """Where the servers keep their data."""
    return data / "servers"


def files_folder(data: Path) -> Path:
    """Where file-fetcher keeps what is its own."""
    return data / "files"


def log_file(data: Path, name: str) -> Path:
    """Where a process of the demo writes what it says."""
    return data / f"{name}.log"


def settings_file(data: Path) -> Path:
    """The settings for a shell."""
    return data / _SETTINGS


def remember(data: Path, services: Iterable[Service]) -> None:
    """Note the processes, so that `end` finds them."""
    found = {each.name: asdict(each.identity) for each in services if each.identity is not None}
    _write(data / _STATE, json.dumps({"format": _FORMAT, "services": found}))


def write_settings(data: Path, settings: Mapping[str, str]) -> Path:
    """Write the settings for a shell; returns the file."""
    path = settings_file(data)
    quoted = {name: "'" + value.replace("'", "'\\''") + "'" for name, value in settings.items()}
    _write(path, "".join(f"export {name}={value}\n" for name, value in quoted.items()))
    return path


def end_command(data: Path) -> str:
    """What to type to end the demo there."""
    usual = data.absolute() == DEFAULT_DATA.absolute()
    return "make demo-down" if usual else f"python -m devstack.demo down --data {shlex.quote(str(data))}"


def refuse_if_running(data: Path) -> None:
    """Raise DevstackError when a demo runs with its data there."""
    if any(identity.alive() for identity in _services(data).values()) or _servers_alive(data):
        raise DevstackError(f"a demo runs already with its data in {data}; end it with: {end_command(data)}")


def end(data: Path) -> list[str]:
    """End everything that runs with its data there, and remove the data; returns what was ended."""
    ended = []
    for name, identity in _services(data).items():
        if identity.alive():
            identity.signal(signal.SIGTERM)
            if not identity.wait(_STOP_S):
                identity.kill_tree()
            ended.append(name)
    if servers_folder(data).is_dir():
        found = stack.running(servers_folder(data))
        ended += [server.kind for server in found.servers.values() if server.alive]
        found.wipe()
    _remove(data)
    return ended


def _remove(data: Path) -> None:
    """Remove what the demo wrote, and the folder if nothing else is in it."""
    if not data.is_dir():
        return
    for path in (data / _STATE, settings_file(data), *data.glob("*.log")):
        path.unlink(missing_ok=True)
    shutil.rmtree(files_folder(data), ignore_errors=True)
    for folder in (servers_folder(data), data):
        with suppress(OSError):
            folder.rmdir()


def _services(data: Path) -> dict[str, Identity]:
    path = data / _STATE
    try:
        content = json.loads(path.read_text())
        if content["format"] != _FORMAT:
            raise ValueError("another format")
        return {name: Identity(**identity) for name, identity in content["services"].items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, KeyError) as exc:
        raise DevstackError(f"cannot read {path} ({exc}); end its processes yourself and remove {data}") from exc


def _servers_alive(data: Path) -> bool:
    folder = servers_folder(data)
    return folder.is_dir() and any(server.alive for server in stack.running(folder).servers.values())


def _write(path: Path, content: str) -> None:
    partial = path.with_name(f"{path.name}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
    partial.replace(path)
