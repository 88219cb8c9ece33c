"""Values that are made of values: arrays, composites, ranges, multiranges. Each has quoting rules of its own."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from cdc_reader.transcode.printers.sent import Printer, Sent

_MOST_DIMENSIONS = 6
_SIZE_BYTES = 4
_FIELD_BYTES = 8  # the least that a field of a composite takes
_EMPTY, _LOWER_INCLUSIVE, _UPPER_INCLUSIVE, _LOWER_INFINITE, _UPPER_INFINITE = 1, 2, 4, 8, 16
_SPECIAL = re.compile(rb'(["\\])')
_IN_COMPOSITE = re.compile(rb'["\\(),\s]')
_IN_RANGE = re.compile(rb'["\\()\[\],\s]')


def array(element: int, shown: Printer, *, delimiter: bytes = b",") -> Printer:
    """Arrays of elements of that type, of any dimensions."""
    quoted = re.compile(rb'["\\{}\s' + re.escape(delimiter) + rb"]|\A\Z|\A[nN][uU][lL][lL]\Z")

    def item(data: bytes | None) -> bytes:
        if data is None:
            return b"NULL"
        text = shown(data)
        return b'"' + _SPECIAL.sub(rb"\\\1", text) + b'"' if quoted.search(text) else text

    def print_array(data: bytes) -> bytes:
        sent, sizes, bounds = _dimensions(data, element)
        if not all(sizes) or not sizes:
            sent.end()
            return b"{}"
        items = [item(sent.value()) for _ in range(_items(sent, sizes))]
        sent.end()
        for size in reversed(sizes):
            items = [b"{" + delimiter.join(items[at : at + size]) + b"}" for at in range(0, len(items), size)]
        if all(bound == 1 for bound in bounds):
            return items[0]
        places = zip(bounds, sizes, strict=True)
        return b"".join(b"[%d:%d]" % (bound, bound + size - 1) for bound, size in places) + b"=" + items[0]

    return print_array


def vector(element: int, size: int) -> Printer:
    """`int2vector` and `oidvector`: numbers of `size` bytes, sent as an array."""

    def shown(data: bytes) -> bytes:
        sent, sizes, _ = _dimensions(data, element)
        numbers = []
        for _ in range(_items(sent, sizes) if sizes else 0):
            if sent.number(_SIZE_BYTES) != size:
                raise sent.unfit(f"numbers of {size} bytes", "another value")
            numbers.append(b"%d" % sent.number(size, signed=size == 2))
        sent.end()
        return b" ".join(numbers)

    return shown


def _dimensions(data: bytes, element: int) -> tuple[Sent, list[int], list[int]]:
    """What is behind the head of an array, the sizes of its dimensions, and their lower bounds."""
    sent = Sent(data, "array")
    count, _, found = sent.number(4), sent.number(4), sent.number(4, signed=False)
    if found != element:
        raise sent.unfit(f"elements of type {element}", f"type {found}")
    if not 0 <= count <= _MOST_DIMENSIONS:
        raise sent.unfit("six dimensions at most", "another number")
    pairs = [(sent.number(4), sent.number(4)) for _ in range(count)]
    if any(size < 0 for size, _ in pairs):
        raise sent.unfit("sizes of dimensions", "a negative one")
    return sent, [size for size, _ in pairs], [bound for _, bound in pairs]


def _items(sent: Sent, sizes: list[int]) -> int:
    count = math.prod(sizes)
    if count > sent.left // _SIZE_BYTES:
        raise sent.unfit(f"{count} elements", "fewer")
    return count


def composite(printer_of: Callable[[int], Printer | None]) -> Printer:
    """Rows; each says the types of its fields, of which `printer_of` knows how they are printed."""

    def field(sent: Sent) -> bytes:
        oid, data = sent.number(4, signed=False), sent.value()
        if data is None:
            return b""
        if (shown := printer_of(oid)) is None:
            raise sent.unfit("attributes of types that are known", f"type {oid}")
        text = shown(data)
        return _doubled(text) if not text or _IN_COMPOSITE.search(text) else text

    def print_composite(data: bytes) -> bytes:
        sent = Sent(data, "composite")
        fields = [field(sent) for _ in range(sent.count(_FIELD_BYTES))]
        sent.end()
        return b"(" + b",".join(fields) + b")"

    return print_composite


def range_of(shown: Printer) -> Printer:
    """Ranges of such values."""

    def bound(sent: Sent) -> bytes:
        if (data := sent.value()) is None:
            raise sent.unfit("a bound", "NULL")
        text = shown(data)
        return _doubled(text) if not text or _IN_RANGE.search(text) else text

    def print_range(data: bytes) -> bytes:
        sent = Sent(data, "range")
        flags = sent.number(1, signed=False)
        if flags & _EMPTY:
            sent.end()
            return b"empty"
        lower = b"" if flags & _LOWER_INFINITE else bound(sent)
        upper = b"" if flags & _UPPER_INFINITE else bound(sent)
        sent.end()
        begin, end = b"[" if flags & _LOWER_INCLUSIVE else b"(", b"]" if flags & _UPPER_INCLUSIVE else b")"
        return begin + lower + b"," + upper + end

    return print_range


def multirange_of(shown: Printer) -> Printer:
    """Multiranges of ranges that are printed so."""

    def print_multirange(data: bytes) -> bytes:
        sent = Sent(data, "multirange")
        ranges = [sent.value() for _ in range(sent.count(_SIZE_BYTES))]
        sent.end()
        if None in ranges:
            raise sent.unfit("ranges", "NULL")
        return b"{" + b",".join(shown(each) for each in ranges if each is not None) + b"}"

    return print_multirange


def _doubled(text: bytes) -> bytes:
    return b'"' + _SPECIAL.sub(rb"\1\1", text) + b'"'
