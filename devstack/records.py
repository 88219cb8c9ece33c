"""
What a data folder remembers of its server: ``server.json``, readable by its owner only.

It lets a later command find the process again, and a later start use the same port and password.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from devstack.errors import DevstackError
from devstack.processes import Identity

_FILE = "server.json"
_FORMAT = 1
_LEAST_FREE_BYTES = 256 * 1024 * 1024  # PostgreSQL's first files and Kafka's first segments


@dataclass(slots=True)
class Record:
    """One server as its data folder knows it."""

    kind: str
    ports: list[int] = field(default_factory=list)
    process: Identity | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Write it in one step."""
        partial = folder / f"{_FILE}.partial"
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({"format": _FORMAT, **asdict(self)}, file)
        partial.replace(folder / _FILE)

    @classmethod
    def load(cls, folder: Path) -> Record | None:
        """The record of the folder, or None when no server was started there."""
        path = folder / _FILE
        try:
            content = json.loads(path.read_text())
            if content.pop("format") != _FORMAT:
                raise ValueError("another format")
            process = content.pop("process")
            return cls(process=Identity(**process) if process else None, **content)
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError, AttributeError) as exc:
            raise DevstackError(f"cannot read {path} ({exc}); remove {folder} to begin again") from exc


def prepare(folder: Path) -> Path:
    """Make the data folder, where there is room for it; returns its absolute path."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as exc:
        raise DevstackError(f"cannot make the data folder {folder}: {exc.strerror}") from exc
    if free < _LEAST_FREE_BYTES:
        raise DevstackError(
            f"expected {_LEAST_FREE_BYTES >> 20} MiB of free disk for {folder}, got {free >> 20} MiB; make room"
        )
    return folder.resolve()
