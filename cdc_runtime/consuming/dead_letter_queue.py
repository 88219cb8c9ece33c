"""
Edge: stores records that can never be read or written among the dead letters; without that, no position passes them.

One thread of its own stores one after the other, and goes on trying while Kafka is away. Callers wait for the future
that they get, each in its own way, and are told of trouble meanwhile.
"""

from __future__ import annotations

import os
import random
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Protocol

import structlog

from cdc_runtime.backoff import NEIGHBOUR_DELAYS, Backoff
from cdc_runtime.consuming.dead_letters import DeadLetter, Failure, dead_letter
from cdc_runtime.consuming.records import Record
from schemas.errors import TransientError

_log = structlog.get_logger(__name__)
_CLOSE_TIMEOUT_S = 2.0  # a client that was closed gives up its records at once


class Writer(Protocol):
    """Where dead letters go."""

    def write(self, letters: Sequence[DeadLetter]) -> None:
        """Store letters durably. Raises `TransientError`, `FatalError`."""

    def close(self) -> None:
        """Free the client; ends a call that is under way."""


@dataclass(frozen=True, slots=True)
class _Letter:
    record: Record
    failure: Failure
    on_trouble: Callable[[str | None], None]
    stored: Future[None]


class DeadLetterQueue:
    """Takes records from any thread. `close` gives up what is not stored: its records are read again."""

    def __init__(self, writer: Writer, group: str) -> None:
        self._writer = writer
        self._group = group
        self._task = f"{socket.gethostname()}-{os.getpid()}"
        self._letters: SimpleQueue[_Letter | None] = SimpleQueue()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dead-letters", daemon=True)
        self._thread.start()

    def submit(self, record: Record, failure: Failure, on_trouble: Callable[[str | None], None]) -> Future[None]:
        """
        Returns a future that is done when the record is durable among the dead letters; it raises `FatalError`.

        `on_trouble` is called with the reason of each try that failed, and with None when one succeeds after that; by
        the thread of the queue.
        """
        letter = _Letter(record, failure, on_trouble, Future())
        self._letters.put(letter)
        return letter.stored

    def close(self) -> None:
        """Take no more, give up what is not stored, and free the client."""
        self._closed.set()
        self._letters.put(None)
        self._writer.close()
        self._thread.join(_CLOSE_TIMEOUT_S)

    def _run(self) -> None:
        while (letter := self._letters.get()) is not None:
            if not letter.stored.set_running_or_notify_cancel():
                continue
            try:
                stored = self._store(letter)
            except BaseException as exc:
                letter.stored.set_exception(exc)
            else:
                if not stored:
                    return
                letter.stored.set_result(None)

    def _store(self, letter: _Letter) -> bool:
        """Whether it is stored; False when the queue was closed before."""
        record, failure = letter.record, letter.failure
        made = dead_letter(record, failure, group=self._group, task=self._task)
        backoff = Backoff(NEIGHBOUR_DELAYS, random.random)
        while not self._closed.is_set():
            try:
                self._writer.write([made])
            except TransientError as exc:
                if not self._closed.is_set():
                    letter.on_trouble(str(exc))
                    self._closed.wait(backoff.failed())
                continue
            if self._closed.is_set():
                return False  # the client may have given it up
            if backoff.failures:
                letter.on_trouble(None)
            _tell(record, failure)
            return True
        return False


def _tell(record: Record, failure: Failure) -> None:
    _log.warning(
        "record dead-lettered",
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        stage=failure.stage,
        error=type(failure.error).__name__,
    )
