"""
What an error of a transactional client means: the transaction is lost, one topic refuses its records, or worse.

librdkafka tells why a transaction failed to the next call that concerns the transaction; a call that adds a record
just answers `_STATE` from then on. It names the topic that refuses in the reports of single records, with which to add
one takes nearly twice as long: they are asked for (`Reports`) only behind a refusal without a name.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from cdc_runtime.call_bounds import QUIET_S, Call
from cdc_runtime.kafka.client import ErrorMemory
from cdc_runtime.kafka.errors import Fenced, TopicRefused, TransactionAborted, kafka_error, refuses_topic
from cdc_runtime.kafka.idle_clients import Served
from cdc_runtime.kafka.producer_client import told_apart
from schemas.errors import Neighbour, RowferryError, TransientError

_ASK = Call("begin_transaction", Neighbour.KAFKA, QUIET_S)


class Reports:
    """The first record that its topic refused, as librdkafka reports it while it is polled."""

    def __init__(self) -> None:
        self.refused: tuple[KafkaError, str] | None = None

    def __call__(self, error: KafkaError | None, message: Message) -> None:
        """Take a report."""
        if self.refused is None and error is not None and refuses_topic(error):
            self.refused = error, message.topic() or ""


@dataclass(frozen=True, slots=True)
class TransactionErrors:
    """For one client. `timeout_s` is how long the broker lets a transaction be open; `reports` None: not asked for."""

    served: Served
    errors: ErrorMemory
    timeout_s: float
    reports: Reports | None

    def meaning(
        self, client: Producer, exc: KafkaException, action: str, *, began_at: float, topic: str = ""
    ) -> RowferryError:
        """What the owner must do; `topic` is the one that a record was for, where the error is of a single record."""
        reason = self._reason(client, exc)
        if reason is not exc:  # the record is none of those that failed
            exc, topic = reason, ""
        told = self.polled(exc)
        if (refused := self._refused(exc, topic)) is not None:
            return refused
        error = kafka_error(told)
        if error is not None and error.txn_requires_abort():
            return TransactionAborted(expected=f"Kafka to {action}", found=f"an aborted transaction: {error.name()}")
        return self.classified(client, told, action, began_at=began_at)

    def _refused(self, exc: KafkaException, topic: str) -> TopicRefused | None:
        error = kafka_error(exc)
        if self.reports is not None and self.reports.refused is not None:
            return TopicRefused.by(*self.reports.refused)
        if error is not None and refuses_topic(error) and not error.fatal():
            return TopicRefused.by(error, topic)
        return None

    def _reason(self, client: Producer, exc: KafkaException) -> KafkaException:
        """Why the transaction failed, where a call says no more than that it did."""
        error = kafka_error(exc)
        if error is None or error.code() != KafkaError._STATE:
            return exc
        try:
            # It is refused with the reason. Behind it the client is never used again, whatever it began.
            with self.served.held(_ASK):
                client.begin_transaction()
        except KafkaException as told:
            return told
        return exc

    def polled(self, exc: KafkaException) -> KafkaException:
        """Serve reports; what has ended the client is worse than what was told."""
        try:
            self.served.serve(0)
        except KafkaException as told:
            return told
        return exc

    def classified(self, client: Producer, exc: KafkaException, action: str, *, began_at: float) -> RowferryError:
        """The same where no transaction can be aborted any more."""
        problem = self.errors.translate(told_apart(client, self.errors, exc), action)
        if isinstance(problem, TransientError):
            return TransactionAborted.of(problem)
        if isinstance(problem, Fenced) and time.monotonic() - began_at >= self.timeout_s:
            # The broker fences who had a transaction open for longer than that, too: there need not be anybody else.
            return TransactionAborted(
                expected=f"Kafka to {action}", found="an abort: the transaction was open for too long"
            )
        return problem
