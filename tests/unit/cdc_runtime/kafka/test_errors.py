"""What librdkafka's errors mean for us."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException

from cdc_runtime.kafka.client import ErrorMemory, client_config
from cdc_runtime.kafka.errors import Fenced, PartitionsLost, TopicDenied, TopicMissing, translate
from cdc_runtime.settings.models import KafkaSettings
from schemas.errors import AccessDenied, FatalError, ServerSetting, TransientError, Unreachable


@pytest.mark.parametrize(
    ("code", "kind", "exit_code"),
    [
        (KafkaError._AUTHENTICATION, AccessDenied, 77),
        (KafkaError.SASL_AUTHENTICATION_FAILED, AccessDenied, 77),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, TopicDenied, 77),
        (KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, AccessDenied, 77),
        (KafkaError._FENCED, Fenced, 75),
        (KafkaError.PRODUCER_FENCED, Fenced, 75),
        (KafkaError.INVALID_PRODUCER_EPOCH, Fenced, 75),
        (KafkaError._TRANSPORT, Unreachable, 69),
        (KafkaError._ALL_BROKERS_DOWN, Unreachable, 69),
        (KafkaError._TIMED_OUT, Unreachable, 69),
        (KafkaError.NOT_ENOUGH_REPLICAS, Unreachable, 69),
        (KafkaError.UNKNOWN_TOPIC_OR_PART, TopicMissing, 78),
        (KafkaError._UNKNOWN_PARTITION, TopicMissing, 78),
        (KafkaError.ILLEGAL_GENERATION, PartitionsLost, 69),
        (KafkaError._DESTROY, TransientError, 69),
        (KafkaError.FENCED_LEADER_EPOCH, TransientError, 69),
        (KafkaError.UNKNOWN_LEADER_EPOCH, TransientError, 69),
        (KafkaError.OFFSET_NOT_AVAILABLE, TransientError, 69),
        (KafkaError.INVALID_REPLICATION_FACTOR, ServerSetting, 78),
        (KafkaError.INVALID_MSG, FatalError, 70),
    ],
)
def test_each_code_has_its_class(code, kind, exit_code):
    problem = translate(KafkaError(code, "Reason of librdkafka."), "read topic t")
    assert type(problem) is kind
    assert problem.exit_code == exit_code
    assert str(problem).startswith("expected Kafka to read topic t, got ")
    assert str(problem).endswith(": reason of librdkafka")


def test_an_unlisted_error_is_transient_only_when_librdkafka_calls_it_retriable():
    retriable = translate(KafkaError(KafkaError.UNKNOWN, "x", retriable=True), "work")
    assert type(retriable) is TransientError
    assert type(translate(KafkaError(KafkaError.UNKNOWN, "x"), "work")) is FatalError


def test_a_fatal_error_is_never_transient():
    error = KafkaError(KafkaError._TRANSPORT, "x", fatal=True)
    assert type(translate(error, "work")) is FatalError


def test_exceptions_are_translated_by_the_error_inside():
    assert type(translate(KafkaException(KafkaError(KafkaError._TRANSPORT)), "work")) is Unreachable
    assert type(translate(KafkaException("odd"), "work")) is FatalError


def test_a_time_out_after_a_refusal_is_the_refusal():
    memory = ErrorMemory()
    timed_out = KafkaException(KafkaError(KafkaError._TIMED_OUT))
    assert type(memory.translate(timed_out, "work")) is Unreachable
    memory(KafkaError(KafkaError._TRANSPORT, "down"))
    assert type(memory.translate(timed_out, "work")) is Unreachable
    memory(KafkaError(KafkaError._AUTHENTICATION, "wrong password"))
    assert type(memory.translate(timed_out, "work")) is AccessDenied


def test_a_fatal_report_that_another_callback_failed_over_is_what_is_raised():
    """The client raises what it reports, and goes on to call us with that exception set."""
    memory, fatal = ErrorMemory(), KafkaException(KafkaError(KafkaError.CLUSTER_AUTHORIZATION_FAILED, fatal=True))
    failed_over = SystemError("returned a result with an exception set")
    failed_over.__cause__ = fatal
    with pytest.raises(AccessDenied), memory.translating("work"):
        raise failed_over
    with pytest.raises(SystemError), memory.translating("work"):
        raise SystemError("another")


@pytest.mark.rule("P7")
def test_p7_fatal_error_is_the_one_that_was_reported():
    memory = ErrorMemory()
    fatal = KafkaException(KafkaError(KafkaError._FATAL, "fatal error", fatal=True))
    assert type(memory.translate(fatal, "work")) is FatalError
    memory(KafkaError(KafkaError.INVALID_PRODUCER_EPOCH, "a report that is not fatal"))
    assert type(memory.translate(fatal, "work")) is FatalError
    memory(KafkaError(KafkaError._FENCED, "another instance has taken over", fatal=True))
    assert type(memory.translate(fatal, "work")) is Fenced
    assert "_FENCED: another instance has taken over" in str(memory.translate(fatal, "work"))
    memory(KafkaError(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, "what follows from it", fatal=True))
    assert type(memory.translate(fatal, "work")) is Fenced
    assert type(memory.translate(KafkaException(KafkaError(KafkaError._TIMED_OUT)), "work")) is Unreachable


def test_the_clients_own_options_win_over_the_operators():
    settings = KafkaSettings(
        bootstrap_servers="a:1", client={"linger.ms": "9", "security.protocol": "SSL"}, sasl_password="s"
    )
    config = client_config(settings, ErrorMemory(), linger_ms=1)
    assert config["bootstrap.servers"] == "a:1"
    assert config["linger.ms"] == 1
    assert config["security.protocol"] == "SSL"
    assert config["sasl.password"] == "s"
