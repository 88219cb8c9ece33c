"""What an error of librdkafka means for us: one function decides, for all Kafka edges."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaError, KafkaException

from cdc_runtime.kafka.rights import Asker, Resource
from schemas.errors import (
    AccessDenied,
    FatalError,
    Neighbour,
    RowferryError,
    ServerSetting,
    TransientError,
    Unreachable,
)


@contextmanager
def only_reported() -> Iterator[None]:
    """
    Let what librdkafka reports out of the block as the `KafkaException` that it is.

    A report of a fatal error is raised in the client, which calls the next callback with that exception set: the call
    fails over it, with `SystemError`.
    """
    try:
        yield
    except SystemError as exc:
        if not isinstance(exc.__cause__, KafkaException):
            raise
        raise exc.__cause__ from None


class TopicDenied(AccessDenied):
    """One topic may not be read, written or described: it is its own trouble."""

    neighbour = Neighbour.KAFKA


class Fenced(FatalError):
    """Another instance with the same transactional id, or group instance id, has taken over."""

    exit_code = 75
    neighbour = Neighbour.KAFKA


class TransactionAborted(TransientError):
    """A Kafka transaction did not happen, or its outcome is unknown: rewind to the last committed position."""

    neighbour = Neighbour.KAFKA


class TransactionLeftBehind(TransactionAborted):
    """The same, and its producer is lost in a call: only a successor, or its time, ends what is open at the broker."""


class TopicRefused(TransactionAborted):
    """The same, since the brokers refuse the records of one topic; `topic` is empty where it is not known which."""

    topic = ""

    @classmethod
    def by(cls, error: KafkaError, topic: str) -> TopicRefused:
        """The refusal of records of this topic."""
        problem = translate(error, f"take records for topic {topic}" if topic else "take records")
        remedy = problem.remedy if isinstance(problem, AccessDenied) else None
        refused = cls(expected=problem.expected, found=problem.found, remedy=remedy)
        refused.topic = topic
        return refused


class PartitionsLost(TransientError):
    """The group has given our partitions to another member: nothing may be committed for them."""

    neighbour = Neighbour.KAFKA


class TopicMissing(ServerSetting):
    """A topic that must exist does not."""

    neighbour = Neighbour.KAFKA
    usual_remedy = "start the service that owns the topic, or check kafka.prefix"


_LACKING = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED: Resource.TOPIC,
    KafkaError.GROUP_AUTHORIZATION_FAILED: Resource.GROUP,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: Resource.CLUSTER,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: Resource.TRANSACTIONAL_ID,
}
_LOG_IN_REMEDIES = {
    KafkaError._AUTHENTICATION: "check sasl.username in kafka.client, and kafka.sasl_password",
    KafkaError.SASL_AUTHENTICATION_FAILED: "check sasl.username in kafka.client, and kafka.sasl_password",
    KafkaError._SSL: "check ssl.ca.location in kafka.client, and that the certificates of the brokers are for the "
    "names in kafka.bootstrap_servers and have not ended; ssl.certificate.location and ssl.key.location where the "
    "brokers want one of ours",
}
_FENCED = frozenset(
    {
        KafkaError._FENCED,
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.FENCED_INSTANCE_ID,
    }
)
_LOST = frozenset(
    {
        KafkaError._ASSIGNMENT_LOST,
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.STALE_MEMBER_EPOCH,
        KafkaError.FENCED_MEMBER_EPOCH,
    }
)
_MISSING = frozenset(
    {
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
        # What list_offsets says of a partition without a leader.
        KafkaError._NOENT,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.UNKNOWN_TOPIC_ID,
        KafkaError.INCONSISTENT_TOPIC_ID,
    }
)
_UNREACHABLE = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._RESOLVE,
        KafkaError._TIMED_OUT,
        KafkaError._TIMED_OUT_QUEUE,
        KafkaError._MSG_TIMED_OUT,
        KafkaError._WAIT_COORD,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.NOT_COORDINATOR,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.NOT_ENOUGH_REPLICAS,
        KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.NOT_CONTROLLER,
    }
)
# While partitions change their leader, or one has just changed: who asks again finds the new one.
_MOVING = frozenset(
    {
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.REPLICA_NOT_AVAILABLE,
        KafkaError.KAFKA_STORAGE_ERROR,
        KafkaError.ELIGIBLE_LEADERS_NOT_AVAILABLE,
        KafkaError.PREFERRED_LEADER_NOT_AVAILABLE,
        KafkaError.UNSTABLE_OFFSET_COMMIT,
    }
)
# What brokers, or librdkafka for them, say of the records for one topic while those for others pass.
_REFUSES_TOPIC = frozenset(
    {
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.TOPIC_EXCEPTION,
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.INVALID_MSG,
        KafkaError.INVALID_RECORD,
        KafkaError.INVALID_TIMESTAMP,
        KafkaError.INVALID_PARTITIONS,
        KafkaError.POLICY_VIOLATION,
        KafkaError.UNSUPPORTED_FOR_MESSAGE_FORMAT,
        KafkaError.UNSUPPORTED_COMPRESSION_TYPE,
    }
)
_SERVER = frozenset(
    {
        KafkaError.INVALID_CONFIG,
        KafkaError.INVALID_PARTITIONS,
        KafkaError.INVALID_TRANSACTION_TIMEOUT,
        KafkaError.POLICY_VIOLATION,
        KafkaError.UNSUPPORTED_VERSION,
        KafkaError.UNSUPPORTED_SASL_MECHANISM,
        KafkaError.INCONSISTENT_GROUP_PROTOCOL,
    }
)


def kafka_error(problem: KafkaError | KafkaException) -> KafkaError | None:
    """The error inside an exception."""
    if isinstance(problem, KafkaError):
        return problem
    inner = problem.args[0] if problem.args else None
    return inner if isinstance(inner, KafkaError) else None


def refuses_topic(error: KafkaError) -> bool:
    """Whether it is about the records of one topic."""
    return error.code() in _REFUSES_TOPIC


def denies_topic(cause: BaseException | None) -> bool:
    """Whether what an error was made from denies access to one topic, and not to everything."""
    error = kafka_error(cause) if isinstance(cause, KafkaException) else None
    return error is not None and error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


def translate(problem: KafkaError | KafkaException, action: str, asker: Asker | None = None) -> RowferryError:
    """
    Give our error for one of librdkafka's.

    `action` says what was tried (`read topic cdc._tables`), `asker` who was refused.

    A class that is not listed is transient when librdkafka calls it retriable, and fatal otherwise. `_DESTROY` answers
    a request that was under way while its client was closed: whether it was carried out is not known.
    """
    error = kafka_error(problem)
    kind, remedy = (FatalError, None) if error is None else _kind(error, asker or Asker())
    found = type(problem).__name__ if error is None else f"{error.name()}: {_text(error)}"
    return kind(expected=f"Kafka to {action}", found=found, neighbour=Neighbour.KAFKA, remedy=remedy)


def _kind(error: KafkaError, asker: Asker) -> tuple[type[RowferryError], str | None]:
    """Our class for an error, and the remedy."""
    code = error.code()
    if code in _FENCED:
        return Fenced, "another instance has taken over: stop one of the two"
    if code in _LACKING:
        denied = TopicDenied if _LACKING[code] is Resource.TOPIC else AccessDenied
        return denied, asker.remedy(_LACKING[code])
    if code in _LOG_IN_REMEDIES:
        return AccessDenied, _LOG_IN_REMEDIES[code]
    if code in _LOST:
        return PartitionsLost, None
    if code in _MISSING:
        return TopicMissing, None
    if code in _UNREACHABLE and not error.fatal():
        return Unreachable, "check kafka.bootstrap_servers, and that the brokers are up"
    if code == KafkaError.INVALID_REPLICATION_FACTOR:
        return ServerSetting, "set kafka.replication_factor to as many brokers as there are, or fewer"
    if code in _SERVER:
        return ServerSetting, None
    if (code in _MOVING and not error.fatal()) or code == KafkaError._DESTROY:
        return TransientError, None
    return (TransientError if error.retriable() and not error.fatal() else FatalError), None


def _text(error: KafkaError) -> str:
    """Librdkafka's own words; they name brokers, topics and codes, never records."""
    text = " ".join(error.str().split())
    return (text[:1].lower() + text[1:]).rstrip(".")
