"""
What engines have in common: they open a body at an offset; whoever reads it writes, hashes and counts.

An engine raises problems of `file_fetcher.failures` alone, from `open` and from the chunks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

# Most of a file that is in memory at once, for each download.
CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """What is here already of an object: the next byte that is wanted, and which object it is."""

    offset: int = 0
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Body:
    """An object's bytes from `start` on, as they come."""

    chunks: Iterator[bytes]
    start: int
    size_bytes: int | None  # of the whole object; None where the server does not say
    etag: str | None
    version_id: str | None
    declared_type: str | None
    engine: str
    checksums: Mapping[str, str] = field(default_factory=dict)  # of the whole object, base64 by algorithm


Opened = AbstractContextManager[Body]
Open = Callable[[ResumePoint], Opened]


class S3Bodies(Protocol):
    """An engine for objects of S3."""

    def open(self, bucket: str, key: str, version_id: str | None, held: ResumePoint) -> Opened:
        """Ask for an object from `held.offset` on; its etag must then still be the one held."""
