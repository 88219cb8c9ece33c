"""A client that nobody calls is polled all the same; what it logs says how old it may be."""

from __future__ import annotations

import gc
import logging
import threading
import weakref

import pytest
from confluent_kafka import KafkaError, KafkaException

from cdc_runtime.kafka import client_log
from cdc_runtime.kafka.client import ErrorMemory
from cdc_runtime.kafka.client_log import ClientLog
from cdc_runtime.kafka.idle_clients import SERVE, Served
from tests.waiting import eventually


class Client:
    """librdkafka's, as far as it is polled."""

    def __init__(self) -> None:
        self.polls = 0
        self.problem: KafkaError | None = None

    def poll(self, _: float) -> int:
        self.polls += 1
        if self.problem is not None:
            raise KafkaException(self.problem)
        return 0


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1_000.0

        def monotonic(self) -> float:
            return self.now

    made = Clock()
    monkeypatch.setattr(client_log, "time", made)
    return made


def test_client_of_an_owner_without_work_is_polled():
    client, errors = Client(), ErrorMemory()
    served = Served(client.poll, errors)
    eventually(lambda: client.polls > 1, what="two polls")
    served.end()


def test_client_is_not_polled_while_its_owner_does(clock):
    client, errors = Client(), ErrorMemory()
    served = Served(client.poll, errors)
    clock.now += 0.9
    served.serve_idle()
    assert client.polls == 0  # it was polled a moment ago
    clock.now += 10
    served.serve(0)
    served.serve_idle()
    assert client.polls == 1
    served.end()


def test_client_is_not_polled_while_its_owner_waits_in_a_call(clock):
    client, errors = Client(), ErrorMemory()
    served = Served(client.poll, errors)
    with served.held(SERVE):
        clock.now += 10
        other = threading.Thread(target=served.serve_idle)
        other.start()
        other.join(60)
        assert not other.is_alive()
        assert client.polls == 0
    served.end()


def test_client_that_is_closed_is_polled_no_more_and_freed(clock):
    client, errors = Client(), ErrorMemory()
    served = Served(client.poll, errors)
    served.end()
    clock.now += 10
    served.serve_idle()
    served.serve(0)
    assert client.polls == 0
    freed = weakref.ref(client)
    del client
    gc.collect()
    assert freed() is None


def test_client_of_an_owner_that_is_gone_is_freed():
    client = Client()
    served = Served(client.poll, ErrorMemory())
    freed = weakref.ref(client)
    del client, served
    eventually(lambda: gc.collect() >= 0 and freed() is None, what="the client to be freed")


def test_error_that_ended_a_client_is_kept_for_its_owner(clock):
    client, errors = Client(), ErrorMemory()
    served = Served(client.poll, errors)
    client.problem = KafkaError(KafkaError._FENCED, "Producer fenced by a newer instance", fatal=True)
    clock.now += 10
    served.serve_idle()
    assert errors.fatal is client.problem
    served.end()


def test_error_that_another_callback_failed_over_is_kept_too(clock):
    """And the thread that polls all clients goes on."""
    fatal = KafkaError(KafkaError.CLUSTER_AUTHORIZATION_FAILED, fatal=True)
    failed_over = SystemError("returned a result with an exception set")
    failed_over.__cause__ = KafkaException(fatal)

    def poll(_: float) -> int:
        raise failed_over

    errors = ErrorMemory()
    served = Served(poll, errors)
    clock.now += 10
    served.serve_idle()
    assert errors.fatal is fatal
    served.end()


def test_line_that_came_in_time_has_no_age(clock, caplog):
    log = ClientLog()
    clock.now += 1.9
    log.log(logging.ERROR, "%s [%s] %s", "FAIL", "rdkafka#producer-1", "[thrd:a:1/1]: a:1/1: Connect failed: refused")
    (record,) = caplog.records
    assert (record.levelno, record.getMessage(), record.broker, record.client) == (
        logging.WARNING,
        "broker a:1: Connect failed: refused",
        "a:1",
        "rdkafka#producer-1",
    )
    assert not hasattr(record, "late_s")


def test_line_of_a_client_that_was_not_polled_for_long_says_how_late_it_may_be(clock, caplog):
    log = ClientLog()
    clock.now += 100
    log.served()
    clock.now += 47.25
    log.log(logging.WARNING, "%s [%s] %s", "MAXPOLL", "rdkafka#consumer-2", "[thrd:main]: too slow")
    assert [(record.getMessage(), record.late_s) for record in caplog.records] == [("MAXPOLL too slow", 47.2)]


def test_line_of_another_form_is_passed_on(caplog):
    caplog.set_level(logging.INFO, "librdkafka")
    ClientLog().log(logging.INFO, "%s is %s", "this", "it")
    assert [record.getMessage() for record in caplog.records] == ["this is it"]
