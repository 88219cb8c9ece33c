"""
Edge: what a parser read in a content: read once, and kept beside it.

Rule 1: it is kept by parser, version and limits, `meta.json` last: it is found again after a restart, and by other
        processes.
Rule 2: what ended the child is remembered by this process alone: the machine may have been to blame.

Leaves to others: the content itself, and that no two threads read the same one at a time (`contents`).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from cdc_runtime.metrics import FETCHER_CACHE, FETCHER_EXTRACTIONS
from file_fetcher.failures import Blocked
from file_fetcher.parsers.context import META, PAGE_BREAK, ROWS, TEXT
from file_fetcher.parsers.media_types import MediaType
from file_fetcher.parsers.output import ParserOutput
from file_fetcher.parsers.pool import ParserPool
from file_fetcher.parsers.protocol import ParserInfo
from file_fetcher.store.disk import writing
from file_fetcher.store.protocol import ContentStore, extraction_name
from file_fetcher.work import ParsedRow
from schemas.file_results import Extraction
from schemas.file_state import RowRange
from schemas.json_values import json_bytes

_FORMAT = 1
_REMEMBERED = 10_000
_KEEP = "let nobody else remove files of store_url: the next try reads them again"


@dataclass(frozen=True, slots=True)
class Extracted:
    """What was read. `rows`: runs of row numbers; `rows_at`: where the rows lie in the store, empty without any."""

    extraction: Extraction
    rows: tuple[RowRange, ...] = ()
    rows_at: str = ""


class Extractions:
    """Has contents read. May be used by several threads, each with another content; blocks. `count`: as `Contents`."""

    def __init__(self, store: ContentStore, parsers: ParserPool, text_bytes: int, count: Callable[..., None]) -> None:
        self._store = store
        self._parsers = parsers
        self._text_bytes = text_bytes
        self._count = count
        self._ended: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._parser_ids: dict[tuple[str, str], str] = {}

    def of(self, path: Path, sha256: str, media_type: MediaType) -> Extracted:
        """
        What is in a content; raises `Blocked` or `Throttled` when the store cannot be used.

        Raises `Cancelled` when the parsers are closed, and nothing on account of the file.
        """
        parser = self._parsers.parser_of(media_type)
        if parser is None:
            return Extracted(Extraction())
        parser_id = self._parser_id(parser, media_type)
        extraction, ranges = self._read_once(path, sha256, parser_id, parser=parser, media_type=media_type)
        return Extracted(extraction, ranges, extraction_name(sha256, parser_id, ROWS) if ranges else "")

    def rows(self, name: str) -> Iterator[ParsedRow]:
        """The rows that were read, in order; none for an empty name. Raises `Blocked` where they are gone."""
        if not name:
            return
        with self._store.get(name) as path:
            if path is None:
                raise Blocked("bad_answer", f"expected {name} in the store, it is gone", remedy=_KEEP)
            with path.open(encoding="utf-8") as lines:
                for line in lines:
                    raw = json.loads(line)
                    yield ParsedRow(raw["sheet"], raw["number"], raw.get("values", {}), raw.get("reason", ""))

    def _read_once(
        self, path: Path, sha256: str, parser_id: str, *, parser: ParserInfo, media_type: MediaType
    ) -> tuple[Extraction, tuple[RowRange, ...]]:
        known = self._known(sha256, parser_id, parser)
        self._count(FETCHER_CACHE, "extraction", "miss" if known is None else "hit")
        if known is not None:
            return known
        with self._parsers.reading(parser, path, media_type) as output:
            self._count(FETCHER_EXTRACTIONS, parser.name, output.status)
            extraction = self._describe(output, sha256, parser_id, parser)
            if output.whole:
                self._keep_extraction(output, extraction, sha256, parser_id)
            else:
                self._remember(sha256, parser_id, output.status)
        return extraction, output.ranges

    def _known(self, sha256: str, parser_id: str, parser: ParserInfo) -> tuple[Extraction, tuple[RowRange, ...]] | None:
        if (status := self._ended.get((sha256, parser_id))) is not None:
            return Extraction(status=status, parser=parser.label), ()
        with self._store.get(extraction_name(sha256, parser_id, META)) as meta:
            known = None if meta is None else _read_meta(meta.read_bytes())
        if known is None or not known[1] or self._store.exists(extraction_name(sha256, parser_id, ROWS)):
            return known
        return None

    def _describe(self, output: ParserOutput, sha256: str, parser_id: str, parser: ParserInfo) -> Extraction:
        text, more = _beginning(output.text, self._text_bytes)
        return Extraction(
            status=output.status,
            parser=parser.label,
            text=text.replace(PAGE_BREAK, "\n\n"),
            text_uri=self._store.uri(extraction_name(sha256, parser_id, TEXT)) if output.text else "",
            text_chars=output.text_chars,
            truncated=output.truncated or more,
            page_count=output.page_count,
            rows_accepted=output.rows_accepted,
            rows_rejected=output.rows_rejected,
            meta=output.meta,
            warnings=output.warnings,
        )

    def _keep_extraction(self, output: ParserOutput, extraction: Extraction, sha256: str, parser_id: str) -> None:
        for part, path in ((TEXT, output.text), (ROWS, output.rows)):
            if path is not None:
                # Of a text that is whole in the result nothing would be lost; rows are read before anything is said.
                lasting = part == TEXT and extraction.truncated
                self._store.put(extraction_name(sha256, parser_id, part), path, lasting=lasting)
        meta = {"format": _FORMAT, "extraction": extraction, "ranges": output.ranges}
        path = self._parsers.folder / f"{META}-{uuid4().hex}"
        with writing(), _gone_afterwards(path):
            path.write_bytes(json_bytes(meta))
            self._store.put(extraction_name(sha256, parser_id, META), path, lasting=False)

    def _remember(self, sha256: str, parser_id: str, status: str) -> None:
        self._ended[sha256, parser_id] = status
        if len(self._ended) > _REMEMBERED:
            with contextlib.suppress(KeyError):
                self._ended.popitem(last=False)

    def _parser_id(self, parser: ParserInfo, media_type: MediaType) -> str:
        """Parser, version, and a digest of all that makes it read something else out of the same bytes."""
        known = self._parser_ids.get((parser.key, media_type.mime))
        if known is None:
            says = [media_type.mime, self._text_bytes, asdict(self._parsers.limits)]
            digest = hashlib.sha256(json.dumps(says, sort_keys=True).encode()).hexdigest()[:8]
            known = re.sub(r"[^A-Za-z0-9.+]+", "-", f"{parser.key} {parser.label} {digest}")
            self._parser_ids[parser.key, media_type.mime] = known
        return known


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
    """What was kept; None for what cannot be read, or is of another format: it is read again."""
    try:
        raw: dict[str, Any] = json.loads(value)
        if raw["format"] != _FORMAT:
            return None
        extraction = Extraction(**{**raw["extraction"], "warnings": tuple(raw["extraction"]["warnings"])})
        return extraction, tuple((sheet, first, last) for sheet, first, last in raw["ranges"])
    except (ValueError, KeyError, TypeError):
        return None
