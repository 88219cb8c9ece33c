"""What a listener says of itself, and whether it fits the settings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdc_runtime.kafka.listeners import QUESTION, Listener, answered, mismatch, place_of
from schemas.errors import ProtocolError

# Recorded from Kafka 4.3.1: a listener with PLAIN, one with two ways, one without log-in.
ANSWERS = {
    "PLAIN": ("00000001 0021 00000001 0005 504c41494e", ("PLAIN",)),
    "two": ("00000001 0021 00000002 0005 504c41494e 000d 534352414d2d5348412d323536", ("PLAIN", "SCRAM-SHA-256")),
    "no log-in": ("00000001 0022 00000000", None),
}


@pytest.mark.parametrize(("wire", "mechanisms"), ANSWERS.values(), ids=ANSWERS)
def test_answer_is_read(wire: str, mechanisms: tuple[str, ...] | None) -> None:
    assert answered(bytes.fromhex(wire)) == mechanisms


@pytest.mark.parametrize("wire", [wire for wire, _ in ANSWERS.values()], ids=ANSWERS)
def test_answer_that_is_cut_or_longer_is_none(wire: str) -> None:
    data = bytes.fromhex(wire)
    for size in range(len(data)):
        with pytest.raises(ProtocolError):
            answered(data[:size])
    with pytest.raises(ProtocolError):
        answered(data + b"\0")


@given(st.binary(max_size=64))
def test_other_bytes_are_no_answer(data: bytes) -> None:
    try:
        answered(data)
    except ProtocolError:
        return
    assert data[:4] == b"\0\0\0\1"


def test_question_is_a_handshake_with_its_length() -> None:
    assert QUESTION.hex(" ", 2) == "0000 000c 0011 0001 0000 0001 ffff 0000"


PLACES = {
    "kafka": ("kafka", 9092),
    "kafka:9093": ("kafka", 9093),
    " SASL_SSL://kafka.example:1 ": ("kafka.example", 1),
    "[::1]:9093": ("::1", 9093),
    "[::1]": ("::1", 9092),
}


@pytest.mark.parametrize(("address", "place"), PLACES.items())
def test_address_of_a_broker_is_read_as_librdkafka_does(address: str, place: tuple[str, int]) -> None:
    assert place_of(address) == place


FITS = {
    "plain": (Listener(tls=False, mechanisms=None), {}),
    "TLS": (Listener(tls=True, mechanisms=None), {"security.protocol": "ssl"}),
    "log-in": (
        Listener(tls=False, mechanisms=("PLAIN",)),
        {"security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN"},
    ),
    "old name": (
        Listener(tls=False, mechanisms=("PLAIN",)),
        {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanisms": "PLAIN"},
    ),
    "default": (Listener(tls=False, mechanisms=("GSSAPI",)), {"security.protocol": "SASL_PLAINTEXT"}),
    "TLS that says nothing": (Listener(tls=True, mechanisms=None, said=False), {"security.protocol": "SASL_SSL"}),
}


@pytest.mark.parametrize(("listener", "options"), FITS.values(), ids=FITS)
def test_settings_that_fit(listener: Listener, options: dict[str, str]) -> None:
    assert mismatch(listener, "b:1", options) is None


def test_tls_that_says_nothing_is_tls() -> None:
    found = mismatch(Listener(tls=True, mechanisms=None, said=False), "b:1", {})
    assert str(found) == "expected a listener of Kafka at b:1 for security.protocol PLAINTEXT, got one for SSL"
