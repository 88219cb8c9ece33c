"""What librdkafka logs is logged when it happens, whether a client has something to do or not."""

from __future__ import annotations

import logging
from contextlib import closing
from typing import Any

import pytest

from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.producer import IdempotentProducer, TransactionalProducer
from cdc_runtime.settings.models import KafkaSettings
from devstack.kafka import KafkaServer
from schemas.topics import TopicSpec
from tests.waiting import eventually


def of_broker(address: str, records: list[logging.LogRecord]) -> list[Any]:
    """Lines of it alone: clients of other tests may live on for a while, and miss their brokers."""
    return [each for each in records if getattr(each, "broker", None) == address]


def test_clients_that_have_nothing_to_do_log_that_their_broker_is_gone(
    own_kafka: KafkaServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, "librdkafka")
    # A service leaves out what another client has said; one may have been configured in this process before.
    monkeypatch.setattr(logging.getLogger("librdkafka"), "filters", [])
    settings = KafkaSettings(bootstrap_servers=own_kafka.address)
    admin = KafkaAdmin(settings)
    admin.ensure_topics([TopicSpec("t", 1, {})])
    transactional, alone = TransactionalProducer(settings, "t"), IdempotentProducer(settings)
    with closing(transactional), closing(alone):
        transactional.init(60)
        transactional.begin()
        transactional.produce("t", b"k", b"1")
        transactional.commit()
        alone.send("t", b"k", b"2")
        alone.flush_or_raise()
        own_kafka.kill()
        address = own_kafka.address
        eventually(
            lambda: len({each.client for each in of_broker(address, caplog.records)}) == 3, what="a line of each client"
        )
    lines = of_broker(address, caplog.records)
    assert {each.levelno for each in lines} == {logging.WARNING}
