from __future__ import annotations

import pytest

from file_fetcher.parsers.decoding import encoding_of, has_undecoded, on_errors

CASES = {
    "ASCII": (b"beam", "utf-8"),
    "nothing": (b"", "utf-8"),
    "UTF-8": ("Träger".encode(), "utf-8"),
    "UTF-8 with a mark": ("Träger".encode("utf-8-sig"), "utf-8-sig"),
    "UTF-16": ("Träger".encode("utf-16"), "utf-16"),
    "UTF-16, big-endian": (b"\xfe\xff" + "Träger".encode("utf-16-be"), "utf-16"),
    "UTF-8 but for one line of twenty": ("Träger\n".encode() * 19 + b"Tr\xe4ger\n", "utf-8"),
    "UTF-8 cut inside a character": ("ä\n".encode() * 40_000)[: 64 * 1024 - 1],
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_encoding_is_told_by_the_first_bytes(case):
    head, encoding = case if isinstance(case, tuple) else (case, "utf-8")
    assert encoding_of(head) == encoding


def test_older_encodings_are_guessed():
    text = "Der Träger über der Tür ist größer als gewöhnlich; prüfen, ob er paßt.\n" * 20
    assert text.encode("cp1252").decode(encoding_of(text.encode("cp1252"))) == text


def test_bytes_that_do_not_fit_can_be_told():
    assert has_undecoded(b"Tr\xe4ger".decode("utf-8", on_errors("utf-8")))
    assert not has_undecoded("Träger".encode().decode("utf-8", on_errors("utf-8")))


def test_every_byte_decodes_in_utf_16():
    assert b"a\x00b".decode("utf-16-le", on_errors("utf-16")) == "a\ufffd"
