"""
What a parser is, and what it may raise.

A parser runs in a child process with little memory and time, sees one file, and writes what it reads through its
context (`parsers.context`). It needs no care for memory, hostile files or time: the child dies for it.
Entry points of the group `rowferry.parsers` name the classes; they are made without arguments, once per child.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from file_fetcher.parsers.context import Context
from file_fetcher.parsers.media_types import Signature

ENTRY_POINTS = "rowferry.parsers"


class Parser(Protocol):
    """
    Reads files of some types (`media_types`: MIME types). Name and version go with every result.

    A new version makes files be read again when they are next referred to. A parser of a type that the product does
    not know has an attribute `signatures` as well.
    """

    name: str
    version: str
    media_types: frozenset[str]

    def parse(self, path: Path, context: Context) -> None:
        """Read the file; what was written when an exception comes is kept."""


@dataclass(frozen=True, slots=True)
class ParserInfo:
    """A parser as the service knows it. `key`: name of its entry point."""

    key: str
    name: str
    version: str
    media_types: frozenset[str]
    signatures: tuple[Signature, ...] = ()

    @property
    def label(self) -> str:
        """Name and version, as results say them."""
        return f"{self.name} {self.version}"


class Unreadable(Exception):
    """The file cannot be read; `status` goes into its result: `encrypted`, `output_too_large` or `parser_error`."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
