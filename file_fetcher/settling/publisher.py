"""
Edge: one Kafka transaction after another, each with the offsets of the consumer group that it reaches (rule F1).

Rule 1: all writes and the offsets become visible together, or none of them.
Rule 2: after an abort or an unknown outcome the producer is given up; the next call makes a new one, which settles
        what the old one left (rule P7).
Rule 3: a process that is started again has the transactional id that it had, so it ends its own open transaction.
Rule 4: what a producer left open that was left behind is ended before its caller hears of it, by a new one with the
        same id: partitions may be given up then (rule P13).

Keeps: F1, P7, P13.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import structlog

from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.kafka.errors import TransactionAborted, TransactionLeftBehind
from cdc_runtime.kafka.producer import TransactionalProducer
from cdc_runtime.settings.models import KafkaSettings
from file_fetcher.settling.writes import Write
from schemas.errors import SettingsError, TransientError

_log = structlog.get_logger(__name__)
# What a killed process leaves open hides its partitions for so long from everybody else; calls have 10 s more.
_TRANSACTION_TIMEOUT_S = 20.0
# Later than at the start, whoever waits must also poll and show that it lives: it asks again soon.
_AGAIN_TIMEOUT_S = 10.0
_POLL_EVERY = 1_000  # librdkafka keeps a report per record until it is polled
_INSTANCE = re.compile(r"[0-9a-f]{16}")


class ResultPublisher:
    """Writes results; one thread at a time. To be closed."""

    def __init__(self, settings: KafkaSettings, transactional_id: str, start_timeout_s: float) -> None:
        self._settings = settings
        self._transactional_id = transactional_id
        self._init_timeout_s = start_timeout_s
        self._producer: TransactionalProducer | None = None

    def ready(self) -> None:
        """
        End what an earlier producer with this id left open, and refuse what it still sends; repeated it does nothing.

        Call it before the topics are read: a transaction that is open hides them. Raises as `publish`.
        """
        self._taken_over()

    def publish(
        self,
        writes: Iterable[Write],
        offsets: Mapping[TopicPartition, int],
        group_metadata: object | None,
        *,
        texts: Mapping[TopicPartition, str] | None = None,
    ) -> None:
        """
        Write all of it in one transaction; blocks until it is durable. Without anything to write it does nothing.

        `offsets`: next offsets of the group, each with its text of `texts`; the group's metadata is of the time of
        polling (rule F1). Raises `TransactionAborted` when it did not happen or that is not known: what was written is
        to be worked out again from the committed offsets. Raises `Fenced`, `AccessDenied`, `FatalError`, and what
        `writes` raises.
        """
        rest = iter(writes)
        first = next(rest, None)
        if first is None and not offsets:
            return
        producer = self._taken_over()
        try:
            producer.begin()
            if first is not None:
                _produce(producer, first)
            for number, write in enumerate(rest, 1):
                _produce(producer, write)
                if number % _POLL_EVERY == 0:
                    producer.poll()
            if offsets:
                producer.send_offsets(offsets, group_metadata, texts=texts)
            producer.commit()
        except TransactionLeftBehind as exc:
            self.close()
            self._succeed(exc)
            raise
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Drop what is not committed; may be called twice, and `publish` may be called after it."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.close()

    def _succeed(self, left: TransactionLeftBehind) -> None:
        """Take over from a producer that was left behind; where no broker answers, its time ends what it left open."""
        _log.warning("producer left behind", transactional_id=self._transactional_id, reason=str(left))
        with suppress(TransientError):
            self._taken_over()
            _log.info("producer taken over", transactional_id=self._transactional_id)

    def _taken_over(self) -> TransactionalProducer:
        if self._producer is None:
            producer = TransactionalProducer(
                self._settings, self._transactional_id, transaction_timeout_s=_TRANSACTION_TIMEOUT_S
            )
            try:
                producer.init(self._init_timeout_s)
            except TransientError as exc:
                producer.close()
                raise TransactionAborted.of(exc) from exc
            except BaseException:
                producer.close()
                raise
            self._producer = producer
            self._init_timeout_s = min(self._init_timeout_s, _AGAIN_TIMEOUT_S)
        return self._producer


def _produce(producer: TransactionalProducer, write: Write) -> None:
    producer.produce(
        write.topic,
        write.key,
        write.value,
        partition=write.partition,
        headers=write.headers,
    )


def instance_name(folder: Path) -> str:
    """
    A random name that stays the same in this folder, which no other process may use; raises `SettingsError`.

    Call it when the folder is locked (`ReferenceStore`).
    """
    path = folder / "instance"
    try:
        found = path.read_text("utf-8", "replace").strip() if path.exists() else ""
        if _INSTANCE.fullmatch(found):
            return found
        name = secrets.token_hex(8)
        _store(path, name)
    except OSError as exc:
        raise SettingsError(
            expected=f"to keep a name in data_directory {str(folder)!r}",
            found=str(exc.strerror),
            remedy="give data_directory a folder that this user may write to",
        ) from exc
    _log.info("took a name", instance=name)
    return name


def _store(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
