"""The geometric types: points in parentheses, and what is made of them."""

from __future__ import annotations

from collections.abc import Iterable

from cdc_reader.transcode.printers.sent import Printer, Sent
from schemas.values import float8_text

_POINT_BYTES = 16


def _pairs(numbers: tuple[float, ...]) -> str:
    texts = iter(map(float8_text, numbers))
    return ",".join(f"({x},{y})" for x, y in zip(texts, texts, strict=True))


def _joined(numbers: Iterable[float]) -> str:
    return ",".join(map(float8_text, numbers))


def fixed(what: str, points: int, form: str) -> Printer:
    """A number of points, put into `form`."""

    def shown(data: bytes) -> bytes:
        sent = Sent(data, what)
        numbers = sent.doubles(2 * points)
        sent.end()
        return form.format(_pairs(numbers)).encode()

    return shown


def line(data: bytes) -> bytes:
    """The three numbers of its equation."""
    sent = Sent(data, "line")
    numbers = sent.doubles(3)
    sent.end()
    return f"{{{_joined(numbers)}}}".encode()


def circle(data: bytes) -> bytes:
    """A centre and a radius."""
    sent = Sent(data, "circle")
    x, y, radius = sent.doubles(3)
    sent.end()
    return f"<{_pairs((x, y))},{float8_text(radius)}>".encode()


def path(data: bytes) -> bytes:
    """Points, closed or open."""
    sent = Sent(data, "path")
    closed = sent.number(1)
    points = _points(sent)
    return (f"({points})" if closed else f"[{points}]").encode()


def polygon(data: bytes) -> bytes:
    """Points."""
    return f"({_points(Sent(data, 'polygon'))})".encode()


def _points(sent: Sent) -> str:
    numbers = sent.doubles(2 * sent.count(_POINT_BYTES))
    sent.end()
    return _pairs(numbers)
