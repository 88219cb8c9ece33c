"""
One member of a group that writes result after result, each with the next position: `... BOOTSTRAP_SERVERS WANTED`.

Prints `settled N` for each, `left behind` when a call did not return, and ends with 0 when all are there. Half-way it
waits for a line. As every service of ours it ends with 69 when a second call does not return: whoever watches it
starts it again.
"""

from __future__ import annotations

import sys
from contextlib import suppress

from confluent_kafka import Consumer, KafkaException
from confluent_kafka import TopicPartition as KafkaTopicPartition

from cdc_runtime.bounded_calls import CALLS, end_process
from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.kafka import producer
from cdc_runtime.settings.models import KafkaSettings
from file_fetcher.settling import publisher as publishers
from file_fetcher.settling.publisher import ResultPublisher
from file_fetcher.settling.writes import Write
from schemas.errors import TransientError
from tests.signals import die_with_parent

ROWS = TopicPartition("rows", 0)


def committed(member: Consumer) -> int:
    """As the fetcher asks: again, where a broker that has just begun leaves a question without answer."""
    while True:
        member.poll(0.1)
        with suppress(KafkaException):
            (found,) = member.committed([KafkaTopicPartition(*ROWS)], timeout=5)
            return max(0, int(found.offset))


def settle(publisher: ResultPublisher, member: Consumer, number: int) -> bool:
    """As the fetcher does: after an outcome that is not known, what was committed says how to go on."""
    member.poll(0)
    try:
        metadata = member.consumer_group_metadata()
        publisher.publish([Write("results", 0, b"k", b"%d" % number)], {ROWS: number + 1}, metadata)
    except TransientError:
        return False
    return True


def main(bootstrap_servers: str, wanted: int) -> None:
    """Go on from what is committed; ends with the test that started it, however that ends."""
    die_with_parent()
    # A call is left while its transaction still has time: nothing but the successor ends what is open.
    publishers._TRANSACTION_TIMEOUT_S = 60.0
    producer.transaction_bound_s = lambda transaction_s, max_poll_s=0.0: 6.0
    publisher = ResultPublisher(KafkaSettings(bootstrap_servers=bootstrap_servers), "files", 60)
    publisher.ready()
    member = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": "g"})
    member.subscribe(["rows"])
    while not member.assignment():
        member.poll(0.1)
    left, position = 0, committed(member)
    while position < wanted:
        if settle(publisher, member, position):
            position += 1
            _say(f"settled {position}")
            if position == wanted // 2:
                sys.stdin.readline()
            continue
        _say("left behind" if CALLS.left > left else "not settled")
        left = CALLS.left
        position = committed(member)
    # Not through the interpreter's end, which frees clients: one that was left behind waits for its call.
    end_process(0)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
