"""
Edge: follows the dead letters of the group, from the newest few thousand on.

They outlive a restart, and tell each member of the group what another has given up.
"""

from __future__ import annotations

from collections.abc import Mapping

from cdc_runtime.consuming.dead_letters import LACKS, OFFSET, PARTITION, TOPIC
from cdc_runtime.consuming.records import Record
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.tail import Tail
from cdc_runtime.settings.models import KafkaSettings

_NEWEST = 5000  # of each partition of the topic


class Letters:
    """One thread at a time; every method blocks."""

    def __init__(self, settings: KafkaSettings, topic: str, admin: KafkaAdmin) -> None:
        self._settings = settings
        self._topic = topic
        self._admin = admin
        self._tail: Tail | None = None

    def read(self) -> list[tuple[Record, str]]:
        """
        What has come since of rows that were given up since the index lacks a field. Raises `TransientError`.

        The records as they stood in their topics, and the field.
        """
        if self._tail is None:
            self._tail = Tail(self._settings, self._topic, self._start(), admin=self._admin)
        found = [_original(letter) for letter in self._tail.read_to_end()]
        return [each for each in found if each is not None]

    def close(self) -> None:
        """Free the client."""
        if self._tail is not None:
            self._tail.close()

    def _start(self) -> Mapping[int, int]:
        places = self._admin.topic_partitions(self._topic)
        begins, ends = self._admin.begin_offsets(places), self._admin.end_offsets(places)
        return {each.partition: max(begins[each], ends[each] - _NEWEST) for each in places}


def _original(letter: Record) -> tuple[Record, str] | None:
    headers = {name: (value or b"").decode(errors="replace") for name, value in letter.headers}
    try:
        field, place = headers[LACKS], (headers[TOPIC], int(headers[PARTITION]), int(headers[OFFSET]))
    except (KeyError, ValueError):
        return None
    return Record(*place, letter.key, letter.value, letter.timestamp_ms), field
