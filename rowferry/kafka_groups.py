"""Edge: consumer groups as the brokers know them, asked without joining any."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from contextlib import closing

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka import TopicPartition as KafkaTopicPartition
from confluent_kafka.admin import AdminClient

from cdc_runtime.bounded_calls import CALLS
from cdc_runtime.call_bounds import QUIET_S, Call
from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.kafka.client import ErrorMemory, answer, client_config, make_client
from cdc_runtime.kafka.group_offsets import committed_now
from cdc_runtime.settings.models import KafkaSettings
from schemas.errors import Neighbour

_TIMEOUT_S = 10.0
_POLL_S = 0.1
_ASK = Call("a question of a consumer", Neighbour.KAFKA, QUIET_S)


class KafkaGroups:
    """Questions about consumer groups; not for use by several threads."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._errors = ErrorMemory()

    def committed(self, group: str, places: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """The next offset that a group has committed for partitions; those without one are left out."""
        if not places:
            return {}
        wanted = [KafkaTopicPartition(*place) for place in places]
        with closing(self._consumer(group)) as consumer:
            found = committed_now(consumer, self._errors, wanted, group, _TIMEOUT_S)
        return {TopicPartition(each.topic, each.partition): each.offset for each in found if each.offset >= 0}

    def members(self, group: str) -> int:
        """How many members a group has now; 0 for one that does not exist."""
        client = make_client(AdminClient, self._settings, client_config(self._settings, self._errors))
        future = client.describe_consumer_groups([group], request_timeout=_TIMEOUT_S)[group]
        try:
            return len(answer(future, _TIMEOUT_S, f"describe group {group}").members)
        except KafkaException as exc:
            if exc.args and exc.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
                return 0
            raise self._errors.translate(exc, f"describe group {group}") from exc

    def count_records(self, starts: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """How many committed records partitions hold from an offset on: what is no marker and was not aborted.

        Reads them all: for a few records each.
        """
        counts = dict.fromkeys(starts, 0)
        open_places = set(starts)
        deadline = time.monotonic() + _TIMEOUT_S
        with closing(self._consumer(f"{self._settings.prefix}-status", eof=True)) as consumer:
            with self._errors.translating("read records"), CALLS.held(_ASK):
                consumer.assign([KafkaTopicPartition(*place, offset) for place, offset in starts.items()])
            while open_places and time.monotonic() < deadline:
                with CALLS.held(_ASK):
                    messages = consumer.consume(1000, _POLL_S)
                for message in messages:
                    place = TopicPartition(message.topic() or "", message.partition() or 0)
                    error = message.error()
                    if error is None:
                        counts[place] += 1
                    elif error.code() == KafkaError._PARTITION_EOF:
                        open_places.discard(place)
                    else:
                        raise self._errors.translate(error, f"read topic {place.topic}")
        return counts

    def _consumer(self, group: str, *, eof: bool = False) -> Consumer:
        return make_client(
            Consumer,
            self._settings,
            client_config(
                self._settings,
                self._errors,
                group_id=group,
                enable_auto_commit=False,
                isolation_level="read_committed",
                auto_offset_reset="earliest",
                enable_partition_eof=eof,
            ),
        )
