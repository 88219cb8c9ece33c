"""
Edge: takes a downloaded file: tells what it is, keeps it, and has it read. A content is kept and read once.

Rules:
1. What is not among the types of the settings is not kept.
2. Threads that bring the same content wait for the first of them; the others find what it found.

Leaves to others: downloading, what a parser read and where that is kept (`extractions`), and what a reference becomes
by this.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cdc_runtime.metrics import FETCHER_CACHE
from file_fetcher.failures import Skipped
from file_fetcher.fetching.extractions import Extractions
from file_fetcher.parsers.archives import zip_members
from file_fetcher.parsers.media_types import HEAD_BYTES, MediaType, allowed_words, is_zip, sniff
from file_fetcher.parsers.pool import ParserPool
from file_fetcher.settings import LimitSettings
from file_fetcher.store.protocol import ContentStore, object_name
from file_fetcher.work import ParsedRow
from schemas.file_results import Content, Extraction
from schemas.file_state import RowRange


class Arrived(Protocol):
    """What the downloader says of a file."""

    @property
    def size_bytes(self) -> int:
        """Its size."""

    @property
    def sha256(self) -> str:
        """Of its bytes, lower-case hex."""

    @property
    def declared_type(self) -> str | None:
        """What the server says that it is."""

    @property
    def etag(self) -> str | None:
        """The server's name for this state of it."""

    @property
    def version_id(self) -> str | None:
        """Its version, in a bucket that has such."""


@dataclass(frozen=True, slots=True)
class Taken:
    """
    A content that is kept and read.

    `rows`: runs of row numbers that were read, at most 200 (small gaps between runs are then part of them).
    `open_rows` returns the rows themselves, in order, from the store; each call begins again.
    """

    content: Content
    extraction: Extraction
    rows: tuple[RowRange, ...]
    open_rows: Callable[[], Iterator[ParsedRow]]


class Contents:
    """
    Takes files. May be used by several threads, and blocks: a file is read meanwhile.

    `count` adds one to a counter: the metric, then its labels' values.
    """

    def __init__(
        self, store: ContentStore, parsers: ParserPool, limits: LimitSettings, count: Callable[..., None]
    ) -> None:
        self._store = store
        self._types = allowed_words(limits.types)
        self._signatures = parsers.signatures()
        self._extractions = Extractions(store, parsers, limits.text_bytes, count)
        self._count = count
        self._flights = _Flights()

    def take(self, path: Path, arrived: Arrived, file_name: str) -> Taken:
        """
        Keep and read a file, which is gone from its path afterwards, however this ends.

        Raises `Skipped` for a type that is not wanted, `Blocked` or `Throttled` when the store cannot be used,
        `Cancelled` when the parsers are closed. That a file cannot be read is in the extraction.
        """
        try:
            media_type = self._media_type(path, file_name, arrived.declared_type or "")
            with self._flights.alone(arrived.sha256):
                extracted = self._extractions.of(path, arrived.sha256, media_type)
                uri = self._keep(path, arrived.sha256)
        finally:
            path.unlink(missing_ok=True)
        content = Content(
            size_bytes=arrived.size_bytes,
            sha256=arrived.sha256,
            content_type=media_type.mime,
            storage_uri=uri,
            declared_type=arrived.declared_type or "",
            etag=arrived.etag or "",
            version_id=arrived.version_id or "",
        )
        return Taken(content, extracted.extraction, extracted.rows, lambda: self._extractions.rows(extracted.rows_at))

    def _media_type(self, path: Path, file_name: str, declared_type: str) -> MediaType:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        members = zip_members(path) if is_zip(head) else ()
        found = sniff(head, file_name, members, declared_type=declared_type, signatures=self._signatures)
        if found is None:
            raise Skipped("unsupported_type", "its bytes are of no type that is known")
        if found.word not in self._types:
            raise Skipped("unsupported_type", f"expected one of limits.types, got {found.word!r}")
        return found

    def _keep(self, path: Path, sha256: str) -> str:
        name = object_name(sha256)
        known = self._store.exists(name)
        self._count(FETCHER_CACHE, "content", "hit" if known else "miss")
        return self._store.uri(name) if known else self._store.put(name, path)


class _Flights:
    """One thread at a time for each name; others of the same name wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, tuple[threading.Lock, int]] = {}

    @contextlib.contextmanager
    def alone(self, name: str) -> Iterator[None]:
        with self._lock:
            own, users = self._waiting.get(name, (threading.Lock(), 0))
            self._waiting[name] = own, users + 1
        try:
            with own:
                yield
        finally:
            with self._lock:
                own, users = self._waiting.pop(name)
                if users > 1:
                    self._waiting[name] = own, users - 1
