"""`inet` and `cidr`, as `inet_net_ntop` of the server prints them."""

from __future__ import annotations

import struct

from cdc_reader.transcode.printers.sent import Sent

_IPV4, _IPV6 = 2, 3  # PGSQL_AF_INET and PGSQL_AF_INET6
_SIZES = {_IPV4: 4, _IPV6: 16}
_WORDS = struct.Struct(">8H")
_LAST_WORDS = 6  # the last two words of an address of 16 bytes, which may be shown as one of four bytes


def inet(data: bytes) -> bytes:
    """A host with its network; the whole address is not told as one of itself alone."""
    return _shown(data, "inet")


def cidr(data: bytes) -> bytes:
    """A network, always with its size."""
    return _shown(data, "cidr")


def _shown(data: bytes, what: str) -> bytes:
    sent = Sent(data, what)
    family, bits, _, size = (sent.number(1, signed=False) for _ in range(4))
    if _SIZES.get(family) != size or bits > 8 * size:
        raise sent.unfit("an address of 4 or 16 bytes", "another")
    raw = sent.take(size)
    sent.end()
    text = _dotted(raw) if family == _IPV4 else _colons(raw)
    return text.encode() if bits == 8 * size and what == "inet" else f"{text}/{bits}".encode()


def _dotted(raw: bytes) -> str:
    return ".".join(map(str, raw))


def _colons(raw: bytes) -> str:
    words = _WORDS.unpack(raw)
    begin, size = _zeros(words)
    shown = [f"{word:x}" for word in words]
    if begin == 0 and (size == 6 or (size == 5 and words[5] == 0xFFFF)):
        shown[_LAST_WORDS:] = [_dotted(raw[2 * _LAST_WORDS :])]
    if not size:
        return ":".join(shown)
    return f"{':'.join(shown[:begin])}::{':'.join(shown[begin + size :])}"


def _zeros(words: tuple[int, ...]) -> tuple[int, int]:
    """The longest run of zeros, the first of those, where it is longer than one: where it begins, and its length."""
    best = (0, 0)
    at = 0
    while at < len(words):
        end = at
        while end < len(words) and not words[end]:
            end += 1
        if end - at > max(best[1], 1):
            best = (at, end - at)
        at = max(end, at + 1)
    return best
