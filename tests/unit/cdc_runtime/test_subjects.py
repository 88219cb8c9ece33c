"""Subjects of health are told apart by what they are; their names are for people."""

from __future__ import annotations

import pytest

from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.subjects import (
    DEAD_LETTERS,
    KAFKA,
    SERVICE,
    STORE,
    TRANSACTIONS,
    VESPA,
    document_type,
    partition,
)


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (SERVICE, "service"),
        (KAFKA, "kafka"),
        (VESPA, "vespa"),
        (STORE, "store"),
        (TRANSACTIONS, "transactions"),
        (DEAD_LETTERS, "dead letters"),
        (document_type("row"), "document type row"),
        (partition(TopicPartition("cdc.public.rfis", 3)), "cdc.public.rfis[3]"),
    ],
)
def test_a_subject_prints_as_people_know_it(subject, text):
    assert str(subject) == text


def test_subjects_of_one_name_and_two_kinds_differ():
    assert document_type("kafka") != KAFKA
