from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from cdc_runtime.backoff import Delays
from cdc_runtime.consuming import dead_letter_queue
from cdc_runtime.consuming.dead_letter_queue import DeadLetterQueue
from cdc_runtime.consuming.dead_letters import DeadLetter, Failure
from cdc_runtime.consuming.records import Record
from schemas.errors import FatalError, RecordError, RowferryError, Unreachable

FAILURE = Failure(RecordError("expected a row key, got none"), "decode", "here")


class Writer:
    """Raises what it has been given, one a call; then it stores."""

    def __init__(self, *problems: RowferryError) -> None:
        self.problems = list(problems)
        self.keys: list[bytes | None] = []
        self.stuck = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def write(self, letters: Sequence[DeadLetter]) -> None:
        if not self.go_on.is_set():
            self.stuck.set()
            self.go_on.wait(60)
        if self.problems:
            raise self.problems.pop(0)
        self.keys += [letter.key for letter in letters]

    def close(self) -> None:
        self.go_on.set()


@pytest.fixture
def queue_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Writer], DeadLetterQueue]]:
    monkeypatch.setattr(dead_letter_queue, "NEIGHBOUR_DELAYS", Delays(first_s=0.0, longest_s=0.0))
    made: list[DeadLetterQueue] = []

    def make(writer: Writer) -> DeadLetterQueue:
        made.append(DeadLetterQueue(writer, "group"))
        return made[-1]

    yield make
    for each in made:
        each.close()


def record(key: bytes) -> Record:
    return Record("cdc.public.rfis", 2, 7, key, b"x", 0)


def test_letters_are_stored_one_after_the_other(queue_of: Callable[[Writer], DeadLetterQueue]) -> None:
    writer, troubles = Writer(), list[str | None]()
    queue = queue_of(writer)
    futures = [queue.submit(record(key), FAILURE, troubles.append) for key in (b"1", b"2", b"3")]
    assert [each.result(10) for each in futures] == [None, None, None]
    assert (writer.keys, troubles) == ([b"1", b"2", b"3"], [])


def test_letter_is_tried_until_it_is_stored_and_trouble_is_told(
    queue_of: Callable[[Writer], DeadLetterQueue],
) -> None:
    writer, troubles = Writer(Unreachable("no broker"), Unreachable("still none")), list[str | None]()
    queue_of(writer).submit(record(b"1"), FAILURE, troubles.append).result(10)
    assert (writer.keys, troubles) == ([b"1"], ["no broker", "still none", None])


def test_letter_that_may_never_be_stored_is_an_error(queue_of: Callable[[Writer], DeadLetterQueue]) -> None:
    writer = Writer(FatalError("not allowed"))
    queue = queue_of(writer)
    assert isinstance(queue.submit(record(b"1"), FAILURE, list[str | None]().append).exception(10), FatalError)
    queue.submit(record(b"2"), FAILURE, list[str | None]().append).result(10)
    assert writer.keys == [b"2"]


@pytest.mark.parametrize("problems", [[Unreachable("the client was closed")], []], ids=["tells", "says nothing"])
def test_queue_that_closes_gives_up_what_is_not_stored(
    queue_of: Callable[[Writer], DeadLetterQueue], problems: list[RowferryError]
) -> None:
    """A client that is closed gives its records up, and may return as if they were stored."""
    writer, troubles = Writer(*problems), list[str | None]()
    writer.go_on.clear()
    queue = queue_of(writer)
    future = queue.submit(record(b"1"), FAILURE, troubles.append)
    assert writer.stuck.wait(60)
    queue.close()
    assert (future.done(), troubles) == (False, [])
