"""What an error of librdkafka means for us: one function decides, for all Kafka edges."""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException

from schemas.errors import (
    AccessDenied,
    FatalError,
    Neighbour,
    RowferryError,
    ServerSetting,
    TransientError,
    Unreachable,
)


class Fenced(FatalError):
    """Another instance with the same transactional id, or group instance id, has taken over."""

    exit_code = 75
    neighbour = Neighbour.KAFKA


class TransactionAborted(TransientError):
    """A Kafka transaction did not happen, or its outcome is unknown: rewind to the last committed position."""

    neighbour = Neighbour.KAFKA


class PartitionsLost(TransientError):
    """The group has given our partitions to another member: nothing may be committed for them."""

    neighbour = Neighbour.KAFKA


class TopicMissing(ServerSetting):
    """A topic that must exist does not."""

    neighbour = Neighbour.KAFKA


_DENIED = frozenset(
    {
        KafkaError._AUTHENTICATION,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    }
)
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
_SERVER = frozenset(
    {
        KafkaError.INVALID_CONFIG,
        KafkaError.INVALID_REPLICATION_FACTOR,
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


def translate(problem: KafkaError | KafkaException, action: str) -> RowferryError:
    """
    Give our error for one of librdkafka's; `action` says what was tried (`read topic cdc._tables`).

    A class that is not listed is transient when librdkafka calls it retriable, and fatal otherwise. `_DESTROY` answers
    a request that was under way while its client was closed: whether it was carried out is not known.
    """
    error = kafka_error(problem)
    kind, remedy = (FatalError, None) if error is None else _kind(error)
    found = type(problem).__name__ if error is None else f"{error.name()}: {_text(error)}"
    return kind(expected=f"Kafka to {action}", found=found, neighbour=Neighbour.KAFKA, remedy=remedy)


def _kind(error: KafkaError) -> tuple[type[RowferryError], str | None]:
    """Our class for an error, and the remedy."""
    code = error.code()
    if code in _FENCED:
        return Fenced, "another instance has taken over: stop one of the two"
    if code in _DENIED or code == KafkaError._SSL:
        return AccessDenied, "check kafka.client, kafka.sasl_password and the ACLs of this user"
    if code in _LOST:
        return PartitionsLost, None
    if code in _MISSING:
        return TopicMissing, "start the service that owns the topic, or check kafka.prefix"
    if code in _UNREACHABLE and not error.fatal():
        return Unreachable, "check kafka.bootstrap_servers, and that the brokers are up"
    if code in _SERVER:
        return ServerSetting, None
    if (code in _MOVING and not error.fatal()) or code == KafkaError._DESTROY:
        return TransientError, None
    return (TransientError if error.retriable() and not error.fatal() else FatalError), None


def _text(error: KafkaError) -> str:
    """Librdkafka's own words; they name brokers, topics and codes, never records."""
    text = " ".join(error.str().split())
    return (text[:1].lower() + text[1:]).rstrip(".")
