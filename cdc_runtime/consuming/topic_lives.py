"""
Whether a partition's log is still the one that its position belongs to (rule V11).

A topic that is deleted and made again has the same name, offsets that begin anew, and another id. So the id goes with
every committed position. A log may also end before the position: an unclean election takes what was written last.
Either way what lay unread in the old log is gone: the partition begins anew at its first offset, and its table is asked
for. A position without an id (of an older release) is taken for one of the topic that is there.

Pure.

Keeps: V11.
"""

from __future__ import annotations

from dataclasses import dataclass

from cdc_runtime.consuming.position_age import CommittedPosition


@dataclass(frozen=True, slots=True)
class Log:
    """A partition as Kafka has it: the id of its topic, its first offset, and the one behind its last committed."""

    topic_id: str
    first_offset: int
    end_offset: int


@dataclass(frozen=True, slots=True)
class Anew:
    """Why a partition begins anew; `occasion`: what it has in common with others of its topic, to ask once for all."""

    reason: str
    occasion: str


@dataclass(frozen=True, slots=True)
class Start:
    """
    Where a partition begins: behind `position`, or, without one, at the first offset of its log.

    `results_id`: of the topics that its results are in, as far as a committed position says.
    """

    log: Log
    position: CommittedPosition | None
    anew: Anew | None = None
    results_id: str | None = None


def start_of(committed: CommittedPosition | None, log: Log, anew: Anew | None = None) -> Start:
    """Where a partition begins that is assigned to us; `anew`: it is known already that it begins anew."""
    if anew is None and committed is not None:
        anew = begins_anew(committed.topic_id, committed.next_offset, log.topic_id, log.end_offset)
    results_id = None if committed is None else committed.results_id
    return Start(log, committed if anew is None else None, anew, results_id)


def begins_anew(known_id: str | None, next_offset: int, topic_id: str, end_offset: int) -> Anew | None:
    """Why a partition whose next record would be at `next_offset` begins anew; None while its log is the same."""
    if known_id is not None and known_id != topic_id:
        return Anew(f"the topic was made again: its id was {known_id}, now {topic_id}", topic_id)
    if next_offset > end_offset:
        lost = f"the log ends at offset {end_offset}, before the position {next_offset}"
        return Anew(lost, f"{topic_id} {next_offset}")
    return None
