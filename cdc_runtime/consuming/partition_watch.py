"""
What a look at the partitions that are held asks for (rules V11, V12).

Each of them is compared with its log: it may have to begin anew, or its doubt is over. It may also stand still: that is
said, with what of ours keeps it there; where nothing does, the Kafka client hands nothing out, and begins it again.

Pure. Leaves to others: asking for the logs, doing what is asked, and whether what seems unread can be read: markers of
transactions and aborted records take offsets too.

Keeps: V11, V12.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from cdc_runtime.consuming.partitions import AssignedPartition
from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.consuming.topic_lives import Anew, Log

P = TypeVar("P", bound=AssignedPartition)


@dataclass(frozen=True, slots=True)
class Look(Generic[P]):
    """
    What was seen.

    `anew`: begin anew; `sound`: the log of what was doubted is the same; `standing`: stand still, each with the reason,
    empty where nothing of ours keeps it there.
    """

    anew: list[tuple[P, Anew]] = field(default_factory=list)
    sound: list[P] = field(default_factory=list)
    standing: list[tuple[P, str]] = field(default_factory=list)


def as_asked(partitions: Iterable[P]) -> list[tuple[P, int]]:
    """Partitions, each with what is to be read of it next; to be taken before their logs are asked for."""
    return [(partition, partition.tracker.next_to_read) for partition in partitions]


def look(asked: Iterable[tuple[P, int]], logs: Mapping[TopicPartition, Log], now_s: float) -> Look[P]:
    """
    Compare partitions (`as_asked`) with their logs; one without a log is left alone: its topic is gone.

    An answer takes its time, and what is written meanwhile is read: a log ends before what is next by then.
    """
    seen: Look[P] = Look()
    for partition, next_offset in asked:
        log = logs.get(partition.topic_partition)
        if partition.dropped or log is None:
            continue
        anew = partition.made_again(log.topic_id, log.end_offset, next_offset) if partition.ready else None
        if anew is not None:
            seen.anew.append((partition, anew))
            continue
        if partition.doubted and partition.ready:
            seen.sound.append(partition)
        elif stands_still(partition, log.end_offset, now_s):
            seen.standing.append((partition, partition.held_up))
    return seen


def stands_still(partition: AssignedPartition, end_offset: int, now_s: float) -> bool:
    """Whether something is left to do in a partition, and nothing was done for a while."""
    tracker = partition.tracker
    # A transaction's marker may stand between the last record and the end.
    at_end = end_offset <= max(tracker.next_to_read + 1, partition.standstill.nothing_before)
    idle = at_end and not tracker.open_count and not partition.waits
    at = tracker.next_to_read, tracker.next_offset, tracker.open_count, partition.ready
    return partition.standstill.look(at, now_s, idle=idle)


def standing_text(partition: AssignedPartition, reason: str, end_offset: int, now_s: float) -> dict[str, object]:
    """What is logged of a partition that stands still."""
    return {
        "topic": partition.topic_partition.topic,
        "partition": partition.topic_partition.partition,
        "reason": reason,
        "next_offset": partition.tracker.next_to_read,
        "end_offset": end_offset,
        "stood_s": round(partition.standstill.stood_s(now_s)),
    }
