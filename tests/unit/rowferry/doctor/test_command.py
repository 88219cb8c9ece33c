"""A neighbour that does not answer the doctor: what is to be done, where the error itself has no word of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rowferry.doctor.command import _asked
from schemas.errors import Neighbour, RowferryError, TransientError, Unreachable


@pytest.mark.remedy(", and that the server runs", "run `rowferry doctor` again")
@pytest.mark.parametrize(
    ("problem", "remedy"),
    [
        (
            Unreachable("expected Kafka to answer", neighbour=Neighbour.KAFKA),
            "check kafka.bootstrap_servers, and that the server runs",
        ),
        (Unreachable("expected a store to answer"), "check its address in the settings, and that the server runs"),
        (TransientError("cannot read the catalog: canceling statement"), "run `rowferry doctor` again"),
    ],
)
def test_what_says_no_remedy_has_one_by_its_kind(problem: RowferryError, remedy: str) -> None:
    answers: Iterator[RowferryError | str] = iter([problem, "facts"])

    def ask() -> str:
        answer = next(answers)
        if isinstance(answer, RowferryError):
            raise answer
        return answer

    facts, findings = _asked("kafka.reachable", ask)
    assert (facts, [(each.id, each.remedy) for each in findings]) == (None, [("kafka.reachable", remedy)])

    assert _asked("kafka.reachable", ask) == ("facts", [])
