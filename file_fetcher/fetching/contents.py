"""
Edge: takes a downloaded file: tells what it is, keeps it, and has it read. A content is kept and read once.

Rules:
1. What is not among the types of the settings is not kept.
2. Threads that bring the same content wait for the first of them; the others find what it found.
3. What a parser read is kept beside the content, by parser, version and limits, `meta.json` last: it is found again
   after a restart, and by other processes. What ended the child is remembered by this process alone: the machine may
   have been to blame.

Leaves to others: downloading, and what a reference becomes by this.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from cdc_runtime.metrics import FETCHER_CACHE, FETCHER_EXTRACTIONS
from file_fetcher.failures import Blocked, Skipped
from file_fetcher.parsers.archives import zip_members
from file_fetcher.parsers.context import META, PAGE_BREAK, ROWS, TEXT
from file_fetcher.parsers.media_types import HEAD_BYTES, MediaType, allowed_words, is_zip, sniff
from file_fetcher.parsers.output import ParserOutput
from file_fetcher.parsers.pool import ParserPool
from file_fetcher.parsers.protocol import ParserInfo
from file_fetcher.settings import LimitSettings
from file_fetcher.store.disk import writing
from file_fetcher.store.protocol import ContentStore, extraction_name, object_name
from schemas.file_results import Content, Extraction
from schemas.file_state import RowRange
from schemas.json_values import json_bytes

_FORMAT = 1
_REMEMBERED = 10_000


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
class ParsedRow:
    """A row of a spreadsheet: `values` by header, or the `reason` for which it was rejected."""

    sheet: str
    number: int
    values: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """
    A content that is kept and read.

    `rows`: runs of row numbers that were read, at most 200 (small gaps between runs are then part of them).
    `open_rows` gives the rows themselves, in order, from the store; each call begins anew.
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
        self._parsers = parsers
        self._limits = limits
        self._types = allowed_words(limits.types)
        self._signatures = parsers.signatures()
        self._count = count
        self._flights = _Flights()
        self._ended: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._parser_ids: dict[tuple[str, str], str] = {}

    def take(self, path: Path, arrived: Arrived, file_name: str) -> Taken:
        """
        Keep and read a file, which is gone from its path afterwards, however this ends.

        Raises `Skipped` for a type that is not wanted, `Blocked` or `Throttled` when the store cannot be used,
        `Cancelled` when the parsers are closed. That a file cannot be read is in the extraction.
        """
        try:
            media_type = self._media_type(path, file_name, arrived.declared_type or "")
            parser = self._parsers.parser_of(media_type)
            with self._flights.alone(arrived.sha256):
                extraction, ranges = self._extraction(path, arrived.sha256, media_type, parser)
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
        rows_at = extraction_name(arrived.sha256, self._parser_id(parser, media_type), ROWS) if ranges else ""
        return Taken(content, extraction, ranges, lambda: self._rows(rows_at))

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

    def _extraction(
        self, path: Path, sha256: str, media_type: MediaType, parser: ParserInfo | None
    ) -> tuple[Extraction, tuple[RowRange, ...]]:
        if parser is None:
            return Extraction(), ()
        parser_id = self._parser_id(parser, media_type)
        known = self._known(sha256, parser_id, parser)
        self._count(FETCHER_CACHE, "extraction", "miss" if known is None else "hit")
        if known is not None:
            return known
        with self._parsers.reading(parser, path, media_type) as reading:
            self._count(FETCHER_EXTRACTIONS, parser.name, reading.status)
            extraction = self._describe(reading, sha256, parser_id, parser)
            if reading.whole:
                self._keep_extraction(reading, extraction, sha256, parser_id)
            else:
                self._remember(sha256, parser_id, reading.status)
        return extraction, reading.ranges

    def _known(self, sha256: str, parser_id: str, parser: ParserInfo) -> tuple[Extraction, tuple[RowRange, ...]] | None:
        if (status := self._ended.get((sha256, parser_id))) is not None:
            return Extraction(status=status, parser=parser.label), ()
        with self._store.get(extraction_name(sha256, parser_id, META)) as meta:
            known = None if meta is None else _read_meta(meta.read_bytes())
        if known is None or not known[1] or self._store.exists(extraction_name(sha256, parser_id, ROWS)):
            return known
        return None

    def _describe(self, reading: ParserOutput, sha256: str, parser_id: str, parser: ParserInfo) -> Extraction:
        text, more = _beginning(reading.text, self._limits.text_bytes)
        return Extraction(
            status=reading.status,
            parser=parser.label,
            text=text.replace(PAGE_BREAK, "\n\n"),
            text_uri=self._store.uri(extraction_name(sha256, parser_id, TEXT)) if reading.text else "",
            text_chars=reading.text_chars,
            truncated=reading.truncated or more,
            page_count=reading.page_count,
            rows_accepted=reading.rows_accepted,
            rows_rejected=reading.rows_rejected,
            meta=reading.meta,
            warnings=reading.warnings,
        )

    def _keep_extraction(self, reading: ParserOutput, extraction: Extraction, sha256: str, parser_id: str) -> None:
        for part, path in ((TEXT, reading.text), (ROWS, reading.rows)):
            if path is not None:
                # Of a text that is whole in the result nothing would be lost; rows are read before anything is said.
                lasting = part == TEXT and extraction.truncated
                self._store.put(extraction_name(sha256, parser_id, part), path, lasting=lasting)
        meta = {"format": _FORMAT, "extraction": extraction, "ranges": reading.ranges}
        path = self._parsers.folder / f"{META}-{uuid4().hex}"
        with writing(), _gone_afterwards(path):
            path.write_bytes(json_bytes(meta))
            self._store.put(extraction_name(sha256, parser_id, META), path, lasting=False)

    def _remember(self, sha256: str, parser_id: str, status: str) -> None:
        self._ended[sha256, parser_id] = status
        if len(self._ended) > _REMEMBERED:
            with contextlib.suppress(KeyError):
                self._ended.popitem(last=False)

    def _parser_id(self, parser: ParserInfo | None, media_type: MediaType) -> str:
        """Parser, version, and a digest of all that makes it read something else out of the same bytes."""
        if parser is None:
            return ""
        known = self._parser_ids.get((parser.key, media_type.mime))
        if known is None:
            says = [media_type.mime, self._limits.text_bytes, asdict(self._parsers.limits)]
            digest = hashlib.sha256(json.dumps(says, sort_keys=True).encode()).hexdigest()[:8]
            known = re.sub(r"[^A-Za-z0-9.+]+", "-", f"{parser.key} {parser.label} {digest}")
            self._parser_ids[parser.key, media_type.mime] = known
        return known

    def _rows(self, name: str) -> Iterator[ParsedRow]:
        if not name:
            return
        with self._store.get(name) as path:
            if path is None:
                raise Blocked("bad_answer", f"expected {name} in the store, it is gone", remedy="restore the store")
            with path.open(encoding="utf-8") as lines:
                for line in lines:
                    raw = json.loads(line)
                    yield ParsedRow(raw["sheet"], raw["number"], raw.get("values", {}), raw.get("reason", ""))


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


@contextlib.contextmanager
def _gone_afterwards(path: Path) -> Iterator[None]:
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _beginning(path: Path | None, most_bytes: int) -> tuple[str, bool]:
    """The beginning of a text, whole characters only, and whether there is more."""
    if path is None:
        return "", False
    with path.open("rb") as file:
        head = file.read(most_bytes + 1)
    return head[:most_bytes].decode("utf-8", "ignore"), len(head) > most_bytes


def _read_meta(value: bytes) -> tuple[Extraction, tuple[RowRange, ...]] | None:
    """What was kept; None for what cannot be read, or is of another format: it is made anew."""
    try:
        raw: dict[str, Any] = json.loads(value)
        if raw["format"] != _FORMAT:
            return None
        extraction = Extraction(**{**raw["extraction"], "warnings": tuple(raw["extraction"]["warnings"])})
        return extraction, tuple((sheet, first, last) for sheet, first, last in raw["ranges"])
    except (ValueError, KeyError, TypeError):
        return None
