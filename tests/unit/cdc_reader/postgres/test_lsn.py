"""Positions in the write-ahead log."""

from __future__ import annotations

import pytest

from cdc_reader.postgres.lsn import Lsn
from schemas.errors import ProtocolError

NOTATIONS = {"0/0": 0, "0/16B3748": 0x16B3748, "16/B374D848": 0x16B374D848, "FFFFFFFF/FFFFFFFF": 2**64 - 1}


@pytest.mark.parametrize(("text", "value"), NOTATIONS.items(), ids=NOTATIONS)
def test_lsn_reads_and_prints_the_notation_of_postgres(text: str, value: int) -> None:
    assert Lsn.parse(text) == Lsn(value)
    assert str(Lsn(value)) == text


@pytest.mark.parametrize("text", ["", "16-B3", "16/", "/16", "123456789/0", "0x1/2", " 0/0", "0/0\n", "g/0"])
def test_other_text_is_a_protocol_error(text: str) -> None:
    with pytest.raises(ProtocolError, match="expected an LSN"):
        Lsn.parse(text)


def test_lsns_are_ordered_by_their_value() -> None:
    assert Lsn.parse("0/FFFFFFFF") < Lsn.parse("1/0")
