"""Runs `rowferry` in this process, as its console script does."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from rowferry.cli import main


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command gave back: exit code, stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Rowferry:
    """The command with the flags that all calls share."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *flags: str) -> None:
        self._capsys = capsys
        self._flags = flags

    def __call__(self, command: str, *arguments: str) -> Ran:
        """Run a command; flags given here win over those that all calls share."""
        code = main([command, *self._flags, *arguments])
        captured = self._capsys.readouterr()
        return Ran(code, captured.out, captured.err)
