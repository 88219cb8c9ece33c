"""What all producers share: their options, how their clients are closed, and what a fatal error was."""

from __future__ import annotations

import time
import warnings
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from cdc_runtime.bounded_calls import CALLS
from cdc_runtime.call_bounds import QUIET_S, Call
from cdc_runtime.kafka.client import ErrorMemory, client_config
from cdc_runtime.kafka.errors import kafka_error, only_reported
from cdc_runtime.kafka.idle_clients import SERVE
from cdc_runtime.settings.models import KafkaSettings
from schemas.errors import Neighbour
from schemas.topics import MAX_MESSAGE_BYTES

# How long a call waits before it is repeated, and a wait for room in the queue.
SLICE_S = 1.0
POLL_S = 0.1
# Bounds the memory of a process that must stay under 200 MB; librdkafka adds about 150 bytes per record.
_QUEUE_KBYTES = 48 * 1024
_QUEUE_RECORDS = 100_000
_UNKNOWN_TOPIC_MS = 5000
# Records carry headers of a dead letter besides the largest value that a topic takes.
_MARGIN_BYTES = 1024 * 1024
# It takes as long as closing takes.
CLOSE = Call("close", Neighbour.KAFKA, QUIET_S)


def producer_config(settings: KafkaSettings, errors: ErrorMemory, **own: object) -> dict[str, Any]:
    """The options of a producer, with its `own` (underscores for dots), which win."""
    return client_config(
        settings,
        errors,
        **{
            "enable_idempotence": True,
            "acks": "all",
            # The partition that Java clients choose for the same key.
            "partitioner": "murmur2_random",
            # Measured: 1 ms gives the best commit latency for small transactions; a commit flushes anyway.
            "linger_ms": 1,
            "compression_type": "lz4",
            "message_max_bytes": MAX_MESSAGE_BYTES + _MARGIN_BYTES,
            "queue_buffering_max_kbytes": _QUEUE_KBYTES,
            "queue_buffering_max_messages": _QUEUE_RECORDS,
            "delivery_report_only_error": True,
            # A topic that does not exist is an error after this time; topics are created and seen before they are used.
            "topic_metadata_propagation_max_ms": _UNKNOWN_TOPIC_MS,
            **own,
        },
    )


def told_apart(producer: Producer, errors: ErrorMemory, exc: KafkaException) -> KafkaException:
    """What a `_FATAL` was: the error itself is raised where reports are served, once, a moment later than the flag."""
    error = kafka_error(exc)
    if error is None or error.code() != KafkaError._FATAL or errors.fatal is not None:
        return exc
    deadline = time.monotonic() + SLICE_S
    while time.monotonic() < deadline and errors.fatal is None:
        try:
            with CALLS.held(SERVE), only_reported():
                producer.poll(POLL_S)
        except KafkaException as told:
            return told
    return exc


def close_client(producer: Producer) -> None:
    """End a client without waiting for records: what is not acknowledged by now is given up."""
    with warnings.catch_warnings():
        # It tries to abort an open transaction and warns when there is no broker to ask.
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            producer.purge()
            producer.poll(0)
            producer.close()
        except (RuntimeError, KafkaException):
            # Closed before, or fenced: the transaction is ended already.
            return
