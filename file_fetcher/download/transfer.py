"""
Edge: writes a body to a file, hashing and counting, and goes on after a break where it stopped.

Rule 1: the bytes of a file are all of one object: a resumed request names the entity tag, and another object starts
        from the beginning, once.
Rule 2: what is short of the announced size is never a file; nor is what differs from the store's checksum.
Rule 3: tries are bounded; a store that asks for fewer requests gets them later.
Leaves to others: what to ask, and what answers mean.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import random
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cdc_runtime.backoff import Backoff, Delays
from file_fetcher.download.answers import Changed, Interrupted
from file_fetcher.download.engines import CHUNK_BYTES, Body, Open, ResumePoint
from file_fetcher.failures import Blocked, Cancelled, FetchProblem, Later, Skipped, Throttled
from file_fetcher.store.disk import FREE_SPACE, FULL

# Short: a worker waits meanwhile. What lasts longer is for the retry queue.
# Many workers are sent away at the same moment: they come back at different ones.
_DELAYS = Delays(first_s=0.1, longest_s=2.0, factor=3.0, jitter=(0.5, 1.5))
_MOST_PAUSES = 4


@dataclass(frozen=True, slots=True)
class Terms:
    """What a transfer must keep to; `deadline_s` is of the monotonic clock."""

    max_bytes: int
    deadline_s: float
    cancelled: Callable[[], bool]

    def check(self) -> None:
        """Raise when the file is not wanted any more, or its time is over."""
        if self.cancelled():
            raise Cancelled
        if time.monotonic() > self.deadline_s:
            raise Later("network", "expected the file within download.timeout_s, got only a part of it")


@dataclass(frozen=True, slots=True)
class Transferred:
    """What came; `throttled` counts the answers on the way that asked for fewer requests."""

    size_bytes: int
    sha256: str
    body: Body
    throttled: int


def transfer(open_body: Open, target: Path, terms: Terms) -> Transferred:
    """
    Fetch a body into a new file at `target`; on any error there is none.

    Blocks. Raises problems of `file_fetcher.failures`: those of the engine, and too_large, empty, size_mismatch,
    checksum_mismatch, changed_while_read, storage_full.
    """
    file = _open(target)
    try:
        with file:
            return _Run(file, target, terms).fetch(open_body)
    except OSError as exc:
        _remove(target)
        raise _cannot_write(exc) from exc
    except BaseException:
        _remove(target)
        raise


class _Run:
    """One transfer."""

    def __init__(self, file: BinaryIO, target: Path, terms: Terms) -> None:
        self._file, self._target, self._terms = file, target, terms
        self._hash = hashlib.sha256()
        self._held = 0
        self._first: Body | None = None
        self._resumed = self._changed = False
        self._throttled = 0
        self._backoff = Backoff(_DELAYS, random.random)

    def fetch(self, open_body: Open) -> Transferred:
        while True:
            self._terms.check()
            try:
                return self._read(open_body)
            except Changed:
                if self._changed:
                    raise
                self._changed = True
                self._restart()
            except (Interrupted, Throttled) as problem:
                self._pause(problem)

    def _pause(self, problem: FetchProblem) -> None:
        self._throttled += isinstance(problem, Throttled)
        if self._backoff.failures == _MOST_PAUSES:
            raise problem
        time.sleep(self._backoff.failed())

    def _read(self, open_body: Open) -> Transferred:
        etag = self._first.etag if self._first else None
        if etag is None or etag.startswith("W/"):
            self._restart()
        with open_body(ResumePoint(self._held, etag if self._held else None)) as body:
            first = self._begin(body)
            for chunk in body.chunks:
                self._take(chunk, first)
        if first.size_bytes is not None and self._held < first.size_bytes:
            raise Interrupted(f"expected {first.size_bytes} bytes, got {self._held}")
        if not self._held:
            raise Skipped("empty", "the object has no bytes")
        if self._resumed:
            _verify(self._target, first)
        return Transferred(self._held, self._hash.hexdigest(), first, self._throttled)

    def _begin(self, body: Body) -> Body:
        if body.start != self._held:
            self._restart()  # the server gave the whole although a part was asked for
        first = self._first
        if first is None or not self._held:
            first = self._first = body
        elif (first.etag, first.size_bytes) != (body.etag, body.size_bytes):
            raise Changed
        else:
            self._resumed = True
        if first.size_bytes is not None and first.size_bytes > self._terms.max_bytes:
            raise self._too_large(first.size_bytes)
        return first

    def _take(self, chunk: bytes, first: Body) -> None:
        self._terms.check()
        self._held += len(chunk)
        if first.size_bytes is not None and self._held > first.size_bytes:
            raise Later("size_mismatch", f"expected {first.size_bytes} bytes, got more")
        if self._held > self._terms.max_bytes:
            raise self._too_large(self._held)
        self._hash.update(chunk)
        view = memoryview(chunk)
        while view:
            view = view[self._file.write(view) :]

    def _restart(self) -> None:
        if self._held:
            self._file.seek(0)
            self._file.truncate()
        self._hash = hashlib.sha256()
        self._held, self._first, self._resumed = 0, None, False

    def _too_large(self, size_bytes: int) -> Skipped:
        return Skipped("too_large", f"expected at most {self._terms.max_bytes} bytes, got {size_bytes} or more")


def _open(target: Path) -> BinaryIO:
    try:
        return target.open("wb", buffering=0)
    except OSError as exc:
        raise _cannot_write(exc) from exc


def _remove(target: Path) -> None:
    with contextlib.suppress(OSError):
        target.unlink()


def _verify(path: Path, body: Body) -> None:
    """Compare a file that came in pieces with the store's checksums; engines see to those that came whole."""
    for algorithm, expected in body.checksums.items():
        if base64.b64encode(_digest(path, algorithm)).decode("ascii") != expected:
            raise Later("checksum_mismatch", f"expected the {algorithm} that the store has, got another")


def _digest(path: Path, algorithm: str) -> bytes:
    with path.open("rb") as file:
        if algorithm != "crc32":
            return hashlib.file_digest(file, algorithm).digest()
        value = 0
        while chunk := file.read(CHUNK_BYTES):
            value = zlib.crc32(chunk, value)
        return value.to_bytes(4, "big")


def _cannot_write(exc: OSError) -> Blocked:
    why = (exc.strerror or type(exc).__name__).lower()
    remedy = FREE_SPACE if exc.errno in FULL else "give data_directory a folder that this user may write to"
    return Blocked("storage_full", f"expected to write a download, got {why}", remedy=remedy)
