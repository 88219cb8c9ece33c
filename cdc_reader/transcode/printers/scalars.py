"""Values that are made of nothing else: bits, `"char"`, identifiers of the server, addresses, intervals."""

from __future__ import annotations

from cdc_reader.transcode import calendar
from cdc_reader.transcode.carried import Unfit
from cdc_reader.transcode.printers.sent import Printer, Sent

_VERSION = 1
_INTERVAL_ENDS = {
    (2**63 - 1, 2**31 - 1, 2**31 - 1): b"infinity",
    (-(2**63), -(2**31), -(2**31)): b"-infinity",
}
_UNITS = ("year", "mon", "day")


def plain(data: bytes) -> bytes:
    """A text as it is."""
    return data


def versioned(what: str) -> Printer:
    """A text behind the number of its format, which is 1."""

    def shown(data: bytes) -> bytes:
        sent = Sent(data, what)
        if sent.number(1) != _VERSION:
            raise sent.unfit("version 1", "another")
        return sent.take(sent.left)

    return shown


def unsigned(size: int, what: str) -> Printer:
    """A whole number that is not negative, of `size` bytes."""

    def shown(data: bytes) -> bytes:
        sent = Sent(data, what)
        number = sent.number(size, signed=False)
        sent.end()
        return b"%d" % number

    return shown


def char(data: bytes) -> bytes:
    """`"char"`: one byte; those that are not ASCII in octal (since PostgreSQL 16)."""
    sent = Sent(data, '"char"')
    byte = sent.number(1, signed=False)
    sent.end()
    if byte > 0x7F:
        return b"\\%03o" % byte
    return data if byte else b""


def tid(data: bytes) -> bytes:
    """The place of a row: a block, and the number of an item in it."""
    sent = Sent(data, "tid")
    block, item = sent.number(4, signed=False), sent.number(2, signed=False)
    sent.end()
    return b"(%d,%d)" % (block, item)


def lsn(data: bytes) -> bytes:
    """A position in the write-ahead log, as servers before 19 print it."""
    sent = Sent(data, "pg_lsn")
    high, low = sent.number(4, signed=False), sent.number(4, signed=False)
    sent.end()
    return b"%X/%X" % (high, low)


def snapshot(data: bytes) -> bytes:
    """`pg_snapshot` and `txid_snapshot`: xmin, xmax, and what ran between them."""
    sent = Sent(data, "pg_snapshot")
    count = sent.number(4)
    if not 0 <= count <= sent.left // 8:
        raise sent.unfit("as many transactions as there are", "another count")
    numbers = [b"%d" % sent.number(8) for _ in range(count + 2)]
    sent.end()
    return b":".join((*numbers[:2], b",".join(numbers[2:])))


def bits(data: bytes) -> bytes:
    """`bit` and `varbit`: how many bits, then bytes."""
    sent = Sent(data, "bit string")
    size = sent.number(4)
    if size < 0:
        raise sent.unfit("a number of bits", "a negative one")
    packed = sent.take((size + 7) // 8)
    sent.end()
    return f"{int.from_bytes(packed, 'big') >> -size % 8:0{size}b}".encode() if size else b""


def address(what: str, size: int) -> Printer:
    """`macaddr` and `macaddr8`: pairs of digits."""

    def shown(data: bytes) -> bytes:
        if len(data) != size:
            raise Unfit(f"expected a {what} of {size} bytes, got {len(data)}")
        return data.hex(":").encode()

    return shown


def timetz(data: bytes) -> bytes:
    """A time of day, and a zone in seconds west of Greenwich."""
    sent = Sent(data, "timetz")
    micros, west = sent.number(8), sent.number(4)
    sent.end()
    if not 0 <= micros <= calendar.DAY_US:
        raise sent.unfit("a time of day", "a time that does not exist")
    minutes, second = divmod(abs(west), 60)
    hour, minute = divmod(minutes, 60)
    zone = f"{'+' if west <= 0 else '-'}{hour:02}"
    if minute or second:
        zone += f":{minute:02}"
    if second:
        zone += f":{second:02}"
    return f"{calendar.time_text(micros)}{zone}".encode()


def interval(*, infinite: bool) -> Printer:
    """Microseconds, days and months, in IntervalStyle `postgres`; `infinite`: there are infinities (since 17)."""

    def shown(data: bytes) -> bytes:
        sent = Sent(data, "interval")
        micros, days, months = sent.number(8), sent.number(4), sent.number(4)
        sent.end()
        if infinite and (word := _INTERVAL_ENDS.get((micros, days, months))) is not None:
            return word
        return _interval_text(micros, days, months).encode()

    return shown


def _interval_text(micros: int, days: int, months: int) -> str:
    sign = -1 if months < 0 else 1
    years, rest = divmod(abs(months), 12)
    words: list[str] = []
    before = False  # whether the number before was negative: the next one then has its sign, whatever it is
    for value, unit in zip((sign * years, sign * rest, days), _UNITS, strict=True):
        if value:
            words.append(f"{'+' if before and value > 0 else ''}{value} {unit}{'' if value == 1 else 's'}")
            before = value < 0
    if micros or not words:
        mark = "-" if micros < 0 else "+" if before else ""
        words.append(mark + _clock(abs(micros)))
    return " ".join(words)


def _clock(micros: int) -> str:
    seconds, fraction = divmod(micros, 1_000_000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    whole = f"{hours:02}:{minute:02}:{second:02}"
    return f"{whole}.{fraction:06}".rstrip("0") if fraction else whole
