"""
What a store of contents is, and how things in it are called.

Contents are named by their SHA-256, what a parser read of one by parser and version besides: nothing that a row or a
server says is part of a name, and what is there is never different from what would be put.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol


class ContentStore(Protocol):
    """
    Keeps files by name. May be used by several threads and processes.

    Everything raises `failures.Blocked` when the store cannot be used (full, no rights, out of reach), and
    `failures.Throttled` when it asks for fewer requests.
    """

    def put(self, name: str, path: Path, *, lasting: bool = True) -> str:
        """
        Keep a file, which is then gone from its path; returns its URI. It is there whole, or not at all.

        One that is there already is the same: it may stay, or be replaced. One that need not be `lasting` may be gone
        after a power cut.
        """

    def get(self, name: str) -> AbstractContextManager[Path | None]:
        """A file to read while the context lasts; None when there is none. Not to be changed."""

    def exists(self, name: str) -> bool:
        """Whether it is there."""

    def uri(self, name: str) -> str:
        """Where it lies or would lie, for documents."""

    def check(self) -> None:
        """Try to write and remove something; raises `SettingsError` or `Unreachable` with a remedy."""


def object_name(sha256: str) -> str:
    """The name of a content."""
    return f"objects/{sha256[:2]}/{sha256}"


def extraction_name(sha256: str, parser_id: str, part: str) -> str:
    """The name of a part (`meta.json`, `text.txt`, `rows.jsonl`) of what a parser read in a content."""
    return f"extractions/{sha256[:2]}/{sha256}.{parser_id}.{part}"
