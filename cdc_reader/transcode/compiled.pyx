# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=True
"""
The encoder's hot path: from the bytes of a tuple to the bytes of an event without a Python object per column.

`reference.py` says what it must do; tests hold the two equal. Every length that comes from outside is compared with
what is left of the message before it is used, and every write makes room first. One module, long functions by kind:
this is where speed counts more than the size of modules (`bench/transcoder.py` measures it).
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from libc.math cimport isinf, isnan
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcmp, memcpy

from cdc_reader.transcode.carried import NOT_UTF8, Uncarriable
from cdc_reader.transcode.row_keys import binary_key_text
from schemas.errors import ProtocolError

cdef extern from "Python.h":
    double PyOS_string_to_double(const char *text, char **end, PyObject *overflow) except? -1.0

# The numbers of `kinds.Code`.
cdef enum:
    BOOL = 0
    INT2 = 1
    INT4 = 2
    INT8 = 3
    OID = 4
    FLOAT4 = 5
    FLOAT8 = 6
    NUMERIC = 7
    TEXT = 8
    JSON = 9
    JSONB = 10
    UUID = 11
    BYTEA = 12
    DATE = 13
    TIME = 14
    TIMESTAMP = 15
    TIMESTAMPTZ = 16
    OTHER = 17

# What `change` answers (`slow_path`).
cdef enum:
    CHANGE = 0
    KEY_CHANGED = 1
    INCOMPLETE = 2
    UNCARRIABLE = 4

# What writing a value answers; errors are exceptions.
cdef enum:
    CARRIED = 0
    NOT_CARRIED = 1

cdef enum:
    NULL_BRANCH = 0x00
    VALUE_BRANCH = 0x02
    TEXT_BRANCH = 0x04  # of a column with a branch "string"
    ROW_BRANCH = 0x02
    KEY_BRANCH = 0x04

cdef extern from *:
    """
    #define DAY_US 86400000000LL
    #define POSTGRES_EPOCH_DAY 10957LL
    #define FIRST_DAY (-719162LL) /* 0001-01-01 */
    #define LAST_DAY 2932896LL /* 9999-12-31 */
    """
    const int64_t DAY_US
    const int64_t POSTGRES_EPOCH_DAY
    const int64_t FIRST_DAY
    const int64_t LAST_DAY
    const int64_t INT64_MIN
    const int64_t INT64_MAX

cdef const char *HEX = "0123456789abcdef"
cdef const char *UPPER_HEX = "0123456789ABCDEF"


cdef struct Field:
    uint8_t format  # 'n' null, 'u' unchanged, 't' text, 'b' binary
    const uint8_t *data
    Py_ssize_t size


@cython.final
cdef class Buffer:
    """Bytes that grow; the memory is kept from one message to the next."""

    cdef uint8_t *data
    cdef Py_ssize_t size
    cdef Py_ssize_t capacity

    def __cinit__(self):
        self.capacity = 4096
        self.size = 0
        self.data = <uint8_t *>malloc(self.capacity)
        if self.data == NULL:
            raise MemoryError()

    def __dealloc__(self):
        free(self.data)

    cdef inline int room(self, Py_ssize_t more) except -1:
        """Make room for `more` bytes behind `size`."""
        if self.capacity - self.size < more:
            self._grow(more)
        return 0

    cdef int _grow(self, Py_ssize_t more) except -1:
        cdef Py_ssize_t capacity = 2 * self.capacity + more
        cdef uint8_t *data = <uint8_t *>realloc(self.data, capacity)
        if data == NULL:
            raise MemoryError()
        self.data = data
        self.capacity = capacity
        return 0

    cdef inline int byte(self, uint8_t value) except -1:
        self.room(1)
        self.data[self.size] = value
        self.size += 1
        return 0

    cdef inline int raw(self, const void *data, Py_ssize_t size) except -1:
        self.room(size)
        memcpy(self.data + self.size, data, size)
        self.size += size
        return 0

    cdef inline int long_(self, int64_t value) except -1:
        """Avro long: zigzag, seven bits a byte."""
        cdef uint64_t rest = (<uint64_t>value << 1) ^ <uint64_t>(value >> 63)
        cdef uint8_t *out
        self.room(10)
        out = self.data + self.size
        while rest > 0x7F:
            out[0] = <uint8_t>(rest & 0x7F) | 0x80
            out += 1
            rest >>= 7
        out[0] = <uint8_t>rest
        self.size = out + 1 - self.data
        return 0

    cdef inline int branch_long(self, int64_t value) except -1:
        self.byte(VALUE_BRANCH)
        return self.long_(value)

    cdef inline int branch_string(self, uint8_t branch, const void *data, Py_ssize_t size) except -1:
        self.byte(branch)
        self.long_(size)
        return self.raw(data, size)

    cdef inline int digits(self, uint64_t value, int width) except -1:
        """Decimal digits, with zeros in front up to `width`."""
        cdef uint8_t text[20]
        cdef int at = 20
        while value or width > 0:
            at -= 1
            text[at] = <uint8_t>(48 + value % 10)
            value //= 10
            width -= 1
        return self.raw(&text[at], 20 - at)

    cdef inline int integer(self, int64_t value) except -1:
        """A decimal number."""
        if value < 0:
            self.byte(45)
            return self.digits(<uint64_t>0 - <uint64_t>value, 1)
        return self.digits(<uint64_t>value, 1)

    cdef int uuid(self, const uint8_t *data) except -1:
        """Sixteen bytes as 36 characters."""
        cdef uint8_t *out
        cdef int at
        self.room(36)
        out = self.data + self.size
        for at in range(16):
            if at == 4 or at == 6 or at == 8 or at == 10:
                out[0] = 45
                out += 1
            out[0] = HEX[data[at] >> 4]
            out[1] = HEX[data[at] & 15]
            out += 2
        self.size += 36
        return 0

    cdef int quoted(self, const uint8_t *data, Py_ssize_t size) except -1:
        """One part of a row key, as `schemas.keys.row_key` writes it."""
        cdef Py_ssize_t at
        cdef uint8_t c
        cdef uint8_t *out
        if size == 0:
            return self.raw(<const char *>b"%00", 3)
        self.room(3 * size)
        out = self.data + self.size
        for at in range(size):
            c = data[at]
            if (48 <= c <= 57) or (65 <= c <= 90) or (97 <= c <= 122) or c == 45 or c == 46 or c == 95 or c == 126:
                out[0] = c
                out += 1
            else:
                out[0] = 37
                out[1] = UPPER_HEX[c >> 4]
                out[2] = UPPER_HEX[c & 15]
                out += 3
        self.size = out - self.data
        return 0

    cdef inline bytes taken(self):
        return PyBytes_FromStringAndSize(<char *>self.data, self.size)


cdef inline uint16_t be16(const uint8_t *p) noexcept:
    return (<uint16_t>p[0] << 8) | p[1]


cdef inline uint32_t be32(const uint8_t *p) noexcept:
    return (<uint32_t>p[0] << 24) | (<uint32_t>p[1] << 16) | (<uint32_t>p[2] << 8) | p[3]


cdef inline uint64_t be64(const uint8_t *p) noexcept:
    return (<uint64_t>be32(p) << 32) | be32(p + 4)


cdef inline bint is_digit(uint8_t c) noexcept:
    return 48 <= c <= 57


cdef int fail(str message) except -1:
    raise ProtocolError(message)


cdef int sized(const Field *field, Py_ssize_t size, str kind) except -1:
    if field.size != size:
        raise ProtocolError(f"expected a {kind} of {size} bytes, got {field.size}")
    return 0


cdef bint is_utf8(const uint8_t *p, Py_ssize_t size) noexcept:
    """Whether Python's strict decoder would take it: no overlong forms, no surrogates, nothing past U+10FFFF."""
    cdef Py_ssize_t at = 0
    cdef uint64_t word
    cdef uint8_t c, low, high
    cdef int more
    while at < size:
        while size - at >= 8:
            memcpy(&word, p + at, 8)
            if word & <uint64_t>0x8080808080808080:
                break
            at += 8
        if at >= size:
            return True
        c = p[at]
        at += 1
        if c < 0x80:
            continue
        low, high = 0x80, 0xBF
        if 0xC2 <= c <= 0xDF:
            more = 1
        elif 0xE0 <= c <= 0xEF:
            more = 2
            if c == 0xE0:
                low = 0xA0
            elif c == 0xED:
                high = 0x9F
        elif 0xF0 <= c <= 0xF4:
            more = 3
            if c == 0xF0:
                low = 0x90
            elif c == 0xF4:
                high = 0x8F
        else:
            return False
        if size - at < more or not (low <= p[at] <= high):
            return False
        at += 1
        more -= 1
        while more:
            if not (0x80 <= p[at] <= 0xBF):
                return False
            at += 1
            more -= 1
    return True


cdef int put_utf8(Buffer out, const uint8_t *data, Py_ssize_t size) except -1:
    if not is_utf8(data, size):
        out.byte(NULL_BRANCH)
        return NOT_CARRIED
    out.branch_string(VALUE_BRANCH, data, size)
    return CARRIED


# --- Numbers -----------------------------------------------------------------------------------------------------

cdef int put_integer_text(Buffer out, const Field *field, int64_t low, int64_t high) except -1:
    cdef const uint8_t *p = field.data
    cdef Py_ssize_t at = 0, size = field.size
    cdef bint negative = size > 0 and p[0] == 45
    cdef uint64_t value = 0, most
    if negative:
        at = 1
    if not 1 <= size - at <= 19:
        return fail("expected a whole number, got other text")
    while at < size:
        if not is_digit(p[at]):
            return fail("expected a whole number, got other text")
        value = value * 10 + (p[at] - 48)
        at += 1
    most = <uint64_t>0 - <uint64_t>low if negative else <uint64_t>high
    if value > most:
        raise ProtocolError(f"expected a whole number between {low} and {high}, got other text")
    out.branch_long(<int64_t>(<uint64_t>0 - value) if negative else <int64_t>value)
    return CARRIED


cdef int put_double(Buffer out, double value) except -1:
    cdef uint64_t bits
    cdef int at
    if isnan(value):
        bits = <uint64_t>0x7FF8000000000000
    else:
        memcpy(&bits, &value, 8)
    out.room(9)
    out.data[out.size] = VALUE_BRANCH
    for at in range(8):
        out.data[out.size + 1 + at] = <uint8_t>(bits >> (8 * at))
    out.size += 9
    return CARRIED


cdef int put_float(Buffer out, float value) except -1:
    cdef uint32_t bits
    cdef int at
    if isnan(value):
        bits = 0x7FC00000
    else:
        memcpy(&bits, &value, 4)
    out.room(5)
    out.data[out.size] = VALUE_BRANCH
    for at in range(4):
        out.data[out.size + 1 + at] = <uint8_t>(bits >> (8 * at))
    out.size += 5
    return CARRIED


cdef inline Py_ssize_t digits_end(const uint8_t *p, Py_ssize_t at, Py_ssize_t size) noexcept:
    while at < size and is_digit(p[at]):
        at += 1
    return at


cdef bint looks_like_float(const uint8_t *p, Py_ssize_t size) noexcept:
    """-?[0-9]{1,40}(.[0-9]{1,40})?(e[+-][0-9]{1,4})?"""
    cdef Py_ssize_t begin = 1 if size > 0 and p[0] == 45 else 0
    cdef Py_ssize_t at = digits_end(p, begin, size)
    if not 1 <= at - begin <= 40:
        return False
    if at < size and p[at] == 46:
        begin = at + 1
        at = digits_end(p, begin, size)
        if not 1 <= at - begin <= 40:
            return False
    if at < size and p[at] == 101:
        at += 1
        if at >= size or (p[at] != 43 and p[at] != 45):
            return False
        begin = at + 1
        at = digits_end(p, begin, size)
        if not 1 <= at - begin <= 4:
            return False
    return at == size


cdef bint equals(const Field *field, const char *text, Py_ssize_t size) noexcept:
    return field.size == size and memcmp(field.data, text, size) == 0


cdef double float_of(const Field *field) except? -1.0:
    cdef char text[96]
    cdef double value
    if equals(field, b"NaN", 3):
        return float("nan")
    if equals(field, b"Infinity", 8):
        return float("inf")
    if equals(field, b"-Infinity", 9):
        return float("-inf")
    if looks_like_float(field.data, field.size):
        memcpy(text, field.data, field.size)
        text[field.size] = 0
        value = PyOS_string_to_double(text, NULL, NULL)
        if not isinf(value):
            return value
    raise ProtocolError("expected a float as PostgreSQL prints it, got other text")


cdef int put_float4_text(Buffer out, const Field *field) except -1:
    cdef double value = float_of(field)
    cdef float single = <float>value
    if isinf(single) and not isinf(value):
        return fail("expected a float of single precision, got a greater number")
    return put_float(out, single)


cdef bint looks_like_numeric(const Field *field) noexcept:
    cdef const uint8_t *p = field.data
    cdef Py_ssize_t size = field.size
    cdef Py_ssize_t begin = 1 if size > 0 and p[0] == 45 else 0
    cdef Py_ssize_t at
    if equals(field, b"NaN", 3) or equals(field, b"Infinity", 8) or equals(field, b"-Infinity", 9):
        return True
    at = digits_end(p, begin, size)
    if at == begin:
        return False
    if at < size and p[at] == 46:
        begin = at + 1
        at = digits_end(p, begin, size)
        if at == begin:
            return False
    return at == size


cdef inline int group_at(const uint8_t *groups, int count, int at) noexcept:
    return be16(groups + 2 * at) if 0 <= at < count else 0


cdef inline void four_digits(uint8_t *out, int group) noexcept:
    out[0] = <uint8_t>(48 + group // 1000)
    out[1] = <uint8_t>(48 + group // 100 % 10)
    out[2] = <uint8_t>(48 + group // 10 % 10)
    out[3] = <uint8_t>(48 + group % 10)


cdef int put_numeric(Buffer out, const Field *field) except -1:
    """The format of numeric_send, printed as numeric_out does."""
    cdef const uint8_t *groups
    cdef int count, weight, sign, scale, at, left, first
    cdef int first_size
    cdef Py_ssize_t size
    cdef uint8_t digits[4]
    cdef uint8_t *text
    if field.size < 8:
        raise ProtocolError(f"expected a numeric of 8 bytes at least, got {field.size}")
    count = be16(field.data)
    weight = <int16_t>be16(field.data + 2)
    sign = be16(field.data + 4)
    scale = be16(field.data + 6)
    sized(field, 8 + 2 * count, "numeric")
    if sign == 0xC000:
        out.branch_string(VALUE_BRANCH, <const char *>b"NaN", 3)
        return CARRIED
    if sign == 0xD000:
        out.branch_string(VALUE_BRANCH, <const char *>b"Infinity", 8)
        return CARRIED
    if sign == 0xF000:
        out.branch_string(VALUE_BRANCH, <const char *>b"-Infinity", 9)
        return CARRIED
    groups = field.data + 8
    for at in range(count):
        if be16(groups + 2 * at) > 9999:
            return fail("expected a numeric of base 10000, got another digit")
    if (sign != 0 and sign != 0x4000) or scale > 0x3FFF:
        return fail("expected a numeric of base 10000, got another sign or scale")

    first = group_at(groups, count, 0) if weight >= 0 else 0
    first_size = 4 if first > 999 else 3 if first > 99 else 2 if first > 9 else 1
    size = (1 if sign else 0) + first_size + (4 * weight if weight > 0 else 0) + (1 + scale if scale else 0)
    out.byte(VALUE_BRANCH)
    out.long_(size)
    out.room(size + 4)  # the last group is written whole
    text = out.data + out.size
    if sign:
        text[0] = 45
        text += 1
    four_digits(digits, first)
    memcpy(text, &digits[4 - first_size], first_size)
    text += first_size
    for at in range(1, weight + 1):
        four_digits(text, group_at(groups, count, at))
        text += 4
    if scale:
        text[0] = 46
        text += 1
        at = weight + 1
        left = scale
        while left > 0:
            four_digits(text, group_at(groups, count, at))
            text += 4
            left -= 4
            at += 1
    out.size += size
    return CARRIED


# --- Times -------------------------------------------------------------------------------------------------------

cdef inline int64_t floor_div(int64_t value, int64_t by) noexcept:
    cdef int64_t quotient = value // by
    if value % by < 0:
        quotient -= 1
    return quotient


cdef int64_t day_number(int64_t year, int month, int day) noexcept:
    """Days since 1970-01-01 of a day of the Gregorian calendar; year 0 is 1 BC."""
    cdef int64_t y = year - 1 if month <= 2 else year
    cdef int64_t era = floor_div(y, 400)
    cdef int64_t year_of_era = y - era * 400
    cdef int64_t day_of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    cdef int64_t day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * 146097 + day_of_era - 719468


cdef bint put_date(Buffer out, int64_t day) except -1:
    """The date as PostgreSQL prints it, without " BC"; answers whether that must follow."""
    cdef int64_t shifted = day + 719468
    cdef int64_t era = floor_div(shifted, 146097)
    cdef int64_t doe = shifted - era * 146097
    cdef int64_t yoe = (doe - doe // 1460 + doe // 36524 - doe // 146096) // 365
    cdef int64_t doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
    cdef int64_t mp = (5 * doy + 2) // 153
    cdef int64_t month = mp + 3 if mp < 10 else mp - 9
    cdef int64_t year = yoe + era * 400 + (1 if month <= 2 else 0)
    out.digits(<uint64_t>(year if year > 0 else 1 - year), 4)
    out.byte(45)
    out.digits(<uint64_t>month, 2)
    out.byte(45)
    out.digits(<uint64_t>(doy - (153 * mp + 2) // 5 + 1), 2)
    return year <= 0


cdef int put_time(Buffer out, int64_t micros) except -1:
    cdef int64_t seconds = micros // 1000000
    cdef int64_t fraction = micros % 1000000
    out.digits(<uint64_t>(seconds // 3600), 2)
    out.byte(58)
    out.digits(<uint64_t>(seconds // 60 % 60), 2)
    out.byte(58)
    out.digits(<uint64_t>(seconds % 60), 2)
    if fraction:
        out.byte(46)
        out.digits(<uint64_t>fraction, 6)
        while out.data[out.size - 1] == 48:
            out.size -= 1
    return 0


cdef int put_odd(Buffer out, int64_t day, int64_t micros, bint with_time, bint zone) except -1:
    """A date or timestamp that Python cannot hold: its text, in the branch for that."""
    cdef Buffer text = Buffer()
    cdef bint before_christ = put_date(text, day)
    if with_time:
        text.byte(32)
        put_time(text, micros)
        if zone:
            text.raw(<const char *>b"+00", 3)
    if before_christ:
        text.raw(<const char *>b" BC", 3)
    return out.branch_string(TEXT_BRANCH, text.data, text.size)


cdef int put_word(Buffer out, bint negative) except -1:
    if negative:
        return out.branch_string(TEXT_BRANCH, <const char *>b"-infinity", 9)
    return out.branch_string(TEXT_BRANCH, <const char *>b"infinity", 8)


cdef int put_date_binary(Buffer out, const Field *field) except -1:
    cdef int64_t value, day
    sized(field, 4, "date")
    value = <int32_t>be32(field.data)
    if value == 0x7FFFFFFF or value == -0x80000000:
        return put_word(out, value < 0)
    day = value + POSTGRES_EPOCH_DAY
    if FIRST_DAY <= day <= LAST_DAY:
        out.branch_long(day)
        return CARRIED
    return put_odd(out, day, 0, False, False)


cdef int put_time_binary(Buffer out, const Field *field) except -1:
    cdef int64_t value
    sized(field, 8, "time")
    value = <int64_t>be64(field.data)
    if not 0 <= value <= DAY_US:
        return fail("expected a time of day, got a time that does not exist")
    if value == DAY_US:
        return out.branch_string(TEXT_BRANCH, <const char *>b"24:00:00", 8)
    out.branch_long(value)
    return CARRIED


cdef int put_timestamp_binary(Buffer out, const Field *field, bint zone) except -1:
    cdef int64_t value, day, rest
    sized(field, 8, "timestamp")
    value = <int64_t>be64(field.data)
    if value == INT64_MAX or value == INT64_MIN:
        return put_word(out, value < 0)
    day = floor_div(value, DAY_US)
    rest = value % DAY_US
    if rest < 0:
        rest += DAY_US
    day += POSTGRES_EPOCH_DAY
    if FIRST_DAY <= day <= LAST_DAY:
        out.branch_long(day * DAY_US + rest)
        return CARRIED
    return put_odd(out, day, rest, True, zone)


cdef inline int two_digits(const uint8_t *p) noexcept:
    """The number in two digits, or -1."""
    return (p[0] - 48) * 10 + (p[1] - 48) if is_digit(p[0]) and is_digit(p[1]) else -1


cdef int days_of(int64_t year, int month) noexcept:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month == 4 or month == 6 or month == 9 or month == 11 else 31


cdef bint take_date(const uint8_t *p, Py_ssize_t size, Py_ssize_t *end, int64_t *year, int *month, int *day) noexcept:
    """YYYY-MM-DD at the beginning of `p`, with four to seven digits of the year."""
    cdef Py_ssize_t at = digits_end(p, 0, size), digit
    if not 4 <= at <= 7 or size - at < 6 or p[at] != 45 or p[at + 3] != 45:
        return False
    year[0] = 0
    for digit in range(at):
        year[0] = year[0] * 10 + (p[digit] - 48)
    month[0] = two_digits(p + at + 1)
    day[0] = two_digits(p + at + 4)
    end[0] = at + 6
    return month[0] >= 0 and day[0] >= 0


cdef int64_t take_time(const uint8_t *p, Py_ssize_t size, Py_ssize_t *end) noexcept:
    """HH:MM:SS and up to six digits more, as microseconds; -1 when it is no such time."""
    cdef int hour, minute, second
    cdef int64_t fraction = 0
    cdef Py_ssize_t at, digits = 0
    if size < 8 or p[2] != 58 or p[5] != 58:
        return -1
    hour, minute, second = two_digits(p), two_digits(p + 3), two_digits(p + 6)
    if hour < 0 or minute < 0 or minute > 59 or second < 0 or second > 59:
        return -1
    at = 8
    if at < size and p[at] == 46:
        at += 1
        while at < size and is_digit(p[at]) and digits < 6:
            fraction = fraction * 10 + (p[at] - 48)
            at += 1
            digits += 1
        if digits == 0:
            return -1
        while digits < 6:
            fraction *= 10
            digits += 1
    end[0] = at
    fraction += ((<int64_t>hour * 60 + minute) * 60 + second) * 1000000
    return fraction if fraction <= DAY_US else -1


cdef int64_t checked_day(int64_t year, int month, int day, bint before_christ) except? -1:
    """Days since 1970-01-01; raises when there is no such day."""
    cdef int64_t astronomical = 1 - year if before_christ else year
    if year == 0 or not 1 <= month <= 12 or not 1 <= day <= days_of(astronomical, month):
        raise ProtocolError("expected a day of the calendar, got a day that does not exist")
    return day_number(astronomical, month, day)


cdef bint is_infinity(const Field *field) noexcept:
    return equals(field, b"infinity", 8) or equals(field, b"-infinity", 9)


cdef int put_date_text(Buffer out, const Field *field) except -1:
    cdef Py_ssize_t at = 0
    cdef int64_t year = 0, number
    cdef int month = 0, day = 0
    cdef bint before_christ
    if is_infinity(field):
        return put_word(out, field.data[0] == 45)
    if not take_date(field.data, field.size, &at, &year, &month, &day):
        return fail("expected a date as PostgreSQL prints it (DateStyle=ISO), got other text")
    before_christ = field.size - at == 3 and memcmp(field.data + at, <const char *>b" BC", 3) == 0
    if at != field.size and not before_christ:
        return fail("expected a date as PostgreSQL prints it (DateStyle=ISO), got other text")
    number = checked_day(year, month, day, before_christ)
    if FIRST_DAY <= number <= LAST_DAY:
        out.branch_long(number)
        return CARRIED
    return out.branch_string(TEXT_BRANCH, field.data, field.size)


cdef int put_time_text(Buffer out, const Field *field) except -1:
    cdef Py_ssize_t at = 0
    cdef int64_t micros = take_time(field.data, field.size, &at)
    if micros < 0 or at != field.size:
        return fail("expected a time as PostgreSQL prints it, got other text")
    if micros == DAY_US:
        return out.branch_string(TEXT_BRANCH, field.data, field.size)
    out.branch_long(micros)
    return CARRIED


cdef int put_timestamp_text(Buffer out, const Field *field, bint zone) except -1:
    cdef const uint8_t *p = field.data
    cdef Py_ssize_t at = 0, time_size = 0, size = field.size
    cdef int64_t year = 0, number, micros = -1
    cdef int month = 0, day = 0
    cdef bint before_christ, whole
    if is_infinity(field):
        return put_word(out, p[0] == 45)
    if take_date(p, size, &at, &year, &month, &day) and at < size and p[at] == 32:
        micros = take_time(p + at + 1, size - at - 1, &time_size)
    if micros < 0 or micros == DAY_US:
        return fail("expected a timestamp as PostgreSQL prints it (DateStyle=ISO), got other text")
    at += 1 + time_size
    whole = True
    if zone:
        whole = size - at >= 3 and memcmp(p + at, <const char *>b"+00", 3) == 0
        at += 3
    before_christ = size - at == 3 and memcmp(p + at, <const char *>b" BC", 3) == 0
    if not whole or (at != size and not before_christ):
        return fail("expected a timestamp as PostgreSQL prints it (TimeZone=UTC), got other text")
    number = checked_day(year, month, day, before_christ)
    if FIRST_DAY <= number <= LAST_DAY:
        out.branch_long(number * DAY_US + micros)
        return CARRIED
    return out.branch_string(TEXT_BRANCH, p, size)


# --- Other values ------------------------------------------------------------------------------------------------

cdef int put_uuid_text(Buffer out, const Field *field) except -1:
    cdef Py_ssize_t at
    cdef uint8_t c
    cdef bint fits = field.size == 36
    if fits:
        for at in range(36):
            c = field.data[at]
            if at == 8 or at == 13 or at == 18 or at == 23:
                fits = fits and c == 45
            else:
                fits = fits and (is_digit(c) or 97 <= c <= 102)
    if not fits:
        return fail("expected a uuid of 36 characters, got other text")
    return out.branch_string(VALUE_BRANCH, field.data, field.size)


cdef inline int nibble(uint8_t c) noexcept:
    if is_digit(c):
        return c - 48
    c |= 32
    return c - 87 if 97 <= c <= 102 else -1


cdef int put_bytea_text(Buffer out, const Field *field) except -1:
    cdef Py_ssize_t at, size = field.size - 2
    cdef const uint8_t *p = field.data + 2
    cdef uint8_t *to
    cdef int high, low
    if size < 0 or size % 2 or field.data[0] != 92 or field.data[1] != 120:
        return fail("expected bytes in hex (bytea_output=hex), got other text")
    out.byte(VALUE_BRANCH)
    out.long_(size // 2)
    out.room(size // 2)
    to = out.data + out.size
    for at in range(size // 2):
        high, low = nibble(p[2 * at]), nibble(p[2 * at + 1])
        if high < 0 or low < 0:
            return fail("expected bytes in hex (bytea_output=hex), got other text")
        to[at] = <uint8_t>(high * 16 + low)
    out.size += size // 2
    return CARRIED


cdef int put_text(Buffer out, int kind, const Field *field) except -1:
    """A value in PostgreSQL's text format."""
    if kind == TEXT or kind == OTHER or kind == JSONB or kind == JSON:
        return put_utf8(out, field.data, field.size)
    if kind == INT4:
        return put_integer_text(out, field, -0x80000000, 0x7FFFFFFF)
    if kind == INT8:
        return put_integer_text(out, field, INT64_MIN, INT64_MAX)
    if kind == INT2:
        return put_integer_text(out, field, -0x8000, 0x7FFF)
    if kind == OID:
        return put_integer_text(out, field, 0, 0xFFFFFFFF)
    if kind == BOOL:
        if field.size != 1 or (field.data[0] != 116 and field.data[0] != 102):
            return fail("expected a bool as t or f, got other text")
        out.byte(VALUE_BRANCH)
        return out.byte(field.data[0] == 116)
    if kind == NUMERIC:
        if not looks_like_numeric(field):
            return fail("expected a numeric as PostgreSQL prints it, got other text")
        return out.branch_string(VALUE_BRANCH, field.data, field.size)
    if kind == TIMESTAMPTZ or kind == TIMESTAMP:
        return put_timestamp_text(out, field, kind == TIMESTAMPTZ)
    if kind == DATE:
        return put_date_text(out, field)
    if kind == TIME:
        return put_time_text(out, field)
    if kind == UUID:
        return put_uuid_text(out, field)
    if kind == FLOAT8:
        return put_double(out, float_of(field))
    if kind == FLOAT4:
        return put_float4_text(out, field)
    if kind == BYTEA:
        return put_bytea_text(out, field)
    raise AssertionError(f"unknown kind {kind}")


cdef int put_binary(Buffer out, int kind, const Field *field) except -1:
    """A value in the format of its type's send function."""
    cdef uint64_t bits
    cdef uint32_t half
    cdef double value
    cdef float single
    if kind == TEXT or kind == JSON:
        return put_utf8(out, field.data, field.size)
    if kind == INT4:
        sized(field, 4, "int4")
        return out.branch_long(<int32_t>be32(field.data))
    if kind == INT8:
        sized(field, 8, "int8")
        return out.branch_long(<int64_t>be64(field.data))
    if kind == INT2:
        sized(field, 2, "int2")
        return out.branch_long(<int16_t>be16(field.data))
    if kind == OID:
        sized(field, 4, "oid")
        return out.branch_long(<int64_t>be32(field.data))
    if kind == BOOL:
        if field.size != 1 or field.data[0] > 1:
            return fail("expected a bool of one byte, 0 or 1, got other bytes")
        out.byte(VALUE_BRANCH)
        return out.byte(field.data[0])
    if kind == TIMESTAMPTZ or kind == TIMESTAMP:
        return put_timestamp_binary(out, field, kind == TIMESTAMPTZ)
    if kind == NUMERIC:
        return put_numeric(out, field)
    if kind == JSONB:
        if field.size < 1 or field.data[0] != 1:
            return fail("expected jsonb of version 1, got another version")
        return put_utf8(out, field.data + 1, field.size - 1)
    if kind == DATE:
        return put_date_binary(out, field)
    if kind == TIME:
        return put_time_binary(out, field)
    if kind == UUID:
        sized(field, 16, "uuid")
        out.byte(VALUE_BRANCH)
        out.long_(36)
        return out.uuid(field.data)
    if kind == FLOAT8:
        sized(field, 8, "float8")
        bits = be64(field.data)
        memcpy(&value, &bits, 8)
        return put_double(out, value)
    if kind == FLOAT4:
        sized(field, 4, "float4")
        half = be32(field.data)
        memcpy(&single, &half, 4)
        return put_float(out, single)
    if kind == BYTEA:
        return out.branch_string(VALUE_BRANCH, field.data, field.size)
    return fail("expected a value as text, got binary")


cdef class Core:
    """The hot path of one table's encoder; `compiled_encoder` joins it with the slow path."""

    cdef int count
    cdef int key_count
    cdef uint32_t oid
    cdef bint streamed
    cdef int *kinds
    cdef int *wire
    cdef int *key
    cdef uint8_t *copied  # the format in which COPY BINARY has each column
    cdef Field *old
    cdef Field *new
    cdef Buffer out
    cdef Buffer key_out
    cdef Buffer old_key_out
    cdef tuple columns
    cdef bytes head
    cdef bytes names
    # Of the transaction whose events were encoded last.
    cdef object context
    cdef bytes middle
    cdef bytes tail
    cdef bint in_transaction

    def __cinit__(self, plan):
        cdef int at
        self.count = len(plan.columns)
        self.key_count = len(plan.key)
        self.columns = tuple(plan.columns)
        self.streamed = plan.relation_oid is not None
        self.oid = plan.relation_oid or 0
        if sorted(plan.wire_order) != list(range(self.count)):
            raise ValueError("expected every column once in the order of the stream")
        if not all(0 <= place < self.count for place in plan.key):
            raise ValueError("expected key columns among the columns")
        self.kinds = <int *>self._array(sizeof(int))
        self.wire = <int *>self._array(sizeof(int))
        self.key = <int *>malloc(max(self.key_count, 1) * sizeof(int))
        self.copied = <uint8_t *>self._array(1)
        self.old = <Field *>self._array(sizeof(Field))
        self.new = <Field *>self._array(sizeof(Field))
        if self.key == NULL:
            raise MemoryError()
        for at in range(self.count):
            self.kinds[at] = plan.columns[at].kind.code
            self.copied[at] = 98 if plan.columns[at].kind.binary else 116
            self.wire[at] = plan.wire_order[at]
        for at in range(self.key_count):
            self.key[at] = plan.key[at]
        self.out, self.key_out, self.old_key_out = Buffer(), Buffer(), Buffer()
        self.head, self.names = plan.frame, plan.source_names
        self.middle = self.tail = b""
        self.context = None

    cdef void *_array(self, Py_ssize_t item) except NULL:
        cdef void *data = malloc(max(self.count, 1) * item)
        if data == NULL:
            raise MemoryError()
        return data

    def __dealloc__(self):
        free(self.kinds)
        free(self.wire)
        free(self.key)
        free(self.copied)
        free(self.old)
        free(self.new)

    def change(self, bytes payload not None, context, int64_t lsn, int64_t version, int64_t ordinal):
        """See `Encoder.change`."""
        cdef const uint8_t *p = <const uint8_t *>PyBytes_AS_STRING(payload)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(payload), at
        cdef uint8_t op, old_kind = 0
        cdef bint has_new = True
        cdef int rare

        if size < 6:
            raise ProtocolError(f"expected an insert, update or delete, got {size} bytes")
        if p[0] == 73:  # I
            op = 99
        elif p[0] == 85:  # U
            op = 117
        elif p[0] == 68:  # D
            op = 100
            has_new = False
        else:
            raise ProtocolError(f"expected an insert, update or delete, got {chr(p[0])!r}")
        if not self.streamed or be32(p + 1) != self.oid:
            raise ProtocolError(f"expected a change of relation {self.oid}, got one of {be32(p + 1)}")
        at = 5
        if op != 99 and (p[at] == 75 or p[at] == 79):  # K, O
            old_kind = p[at]
            at = self._tuple(p, size, at + 1, self.old)
        elif not has_new:
            raise ProtocolError(f"expected an old tuple, got {chr(p[at])!r}")
        if has_new:
            if size - at < 1 or p[at] != 78:  # N
                raise ProtocolError(f"expected a new tuple at offset {at}, got something else")
            at = self._tuple(p, size, at + 1, self.new)
        if at != size:
            raise ProtocolError(f"expected the end of the message at offset {at}, got {size - at} more bytes")

        rare = self._keys(old_kind, has_new)
        self._begin(op, context, lsn, version, ordinal)
        rare |= self._before(old_kind)
        if has_new:
            self.out.byte(ROW_BRANCH)
            rare |= self._row(self.new)
        else:
            self.out.byte(NULL_BRANCH)
        if rare:
            return b"", b"", rare
        return self.key_out.taken(), self.out.taken(), 0

    cdef Py_ssize_t _tuple(self, const uint8_t *p, Py_ssize_t size, Py_ssize_t at, Field *fields) except -1:
        """The fields of a tuple, in the order of the plan; answers where it ends."""
        cdef int column
        cdef Field *field
        cdef uint8_t kind
        cdef int64_t length
        if size - at < 2 or be16(p + at) != self.count:
            raise ProtocolError(f"expected a tuple of {self.count} columns at offset {at}, got another")
        at += 2
        for column in range(self.count):
            if at >= size:
                raise ProtocolError(f"expected column {column} at offset {at}, got the end")
            field = &fields[self.wire[column]]
            kind = p[at]
            at += 1
            field.format = kind
            field.data = NULL
            field.size = 0
            if kind == 110 or kind == 117:  # n, u
                continue
            if kind != 98 and kind != 116:  # b, t
                raise ProtocolError(f"expected a column format of 'nutb', got {chr(kind)!r}")
            if size - at < 4:
                raise ProtocolError(f"the size of a value needs 4 bytes at offset {at}, got {size - at}")
            length = <int32_t>be32(p + at)
            at += 4
            if length < 0 or length > size - at:
                raise ProtocolError(f"a value needs {length} bytes at offset {at}, got {size - at}")
            field.data = p + at
            field.size = <Py_ssize_t>length
            at += field.size
        return at

    cdef int _keys(self, uint8_t old_kind, bint has_new) except -1:
        """Fill in what did not change, write the key; answers the reasons that concern them."""
        cdef int at, rare = CHANGE
        cdef bint key_known = True
        if old_kind == 79:
            for at in range(self.count):
                if self.old[at].format == 117:
                    return fail("expected a full old tuple, got one with values left out")
        if not has_new:
            self._key(self.key_out, self.old)
            return CHANGE
        if old_kind == 79:
            for at in range(self.count):
                if self.new[at].format == 117:
                    self.new[at] = self.old[at]
        for at in range(self.key_count):
            if self.new[self.key[at]].format == 117 and old_kind:
                self.new[self.key[at]] = self.old[self.key[at]]
            key_known = key_known and self.new[self.key[at]].format != 117
        for at in range(self.count):
            if self.new[at].format == 117:
                rare = INCOMPLETE
        if not key_known:
            return rare
        self._key(self.key_out, self.new)
        if old_kind:
            self._key(self.old_key_out, self.old)
            if self.key_out.size != self.old_key_out.size or memcmp(
                self.key_out.data, self.old_key_out.data, self.key_out.size
            ):
                rare |= KEY_CHANGED
        return rare

    cdef int _key(self, Buffer out, const Field *fields) except -1:
        """The row key (`schemas.keys`)."""
        cdef int at
        out.size = 0
        for at in range(self.key_count):
            if at:
                out.byte(44)
            self._key_part(out, self.key[at], &fields[self.key[at]])
        return 0

    cdef int _key_part(self, Buffer out, int place, const Field *field) except -1:
        cdef int kind = self.kinds[place]
        cdef bytes text
        if field.format == 116:
            return out.quoted(field.data, field.size)
        if field.format != 98:
            return fail("expected a value for every key column, got none")
        if kind == INT8:
            sized(field, 8, "int8")
            return out.integer(<int64_t>be64(field.data))
        if kind == INT4:
            sized(field, 4, "int4")
            return out.integer(<int32_t>be32(field.data))
        if kind == INT2:
            sized(field, 2, "int2")
            return out.integer(<int16_t>be16(field.data))
        if kind == TEXT:
            return out.quoted(field.data, field.size)
        if kind == UUID:
            sized(field, 16, "uuid")
            return out.uuid(field.data)
        text = binary_key_text(self.columns[place].kind, field.data[: field.size])
        return out.quoted(<const uint8_t *>PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))

    cdef int _begin(self, uint8_t op, context, int64_t lsn, int64_t version, int64_t ordinal) except -1:
        """All of the event up to `before`."""
        cdef Buffer out = self.out
        if context is not self.context:
            self._load(context)
        out.size = 0
        out.raw(PyBytes_AS_STRING(self.head), PyBytes_GET_SIZE(self.head))
        out.byte(2)
        out.byte(op)
        out.long_(version)
        out.raw(PyBytes_AS_STRING(self.middle), PyBytes_GET_SIZE(self.middle))
        out.long_(lsn)
        out.long_(ordinal)
        out.raw(PyBytes_AS_STRING(self.tail), PyBytes_GET_SIZE(self.tail))
        if self.in_transaction:
            out.long_(ordinal)
        out.raw(<const char *>b"\0\0\0", 3)  # below_version, refetched, omitted
        return 0

    cdef int _load(self, context) except -1:
        self.middle = context.mode_bytes + self.names + context.commit_bytes
        self.tail = context.tail_bytes
        self.in_transaction = context.transaction_id is not None
        self.context = context
        return 0

    cdef int _before(self, uint8_t old_kind) except -1:
        cdef int at, rare = CHANGE
        if old_kind == 0:
            self.out.byte(NULL_BRANCH)
            return CHANGE
        if old_kind == 79:
            self.out.byte(ROW_BRANCH)
            return self._row(self.old)
        self.out.byte(KEY_BRANCH)
        for at in range(self.key_count):
            if self._field(self.key[at], &self.old[self.key[at]]):
                rare = UNCARRIABLE
        return rare

    cdef int _row(self, const Field *fields) except -1:
        cdef int at, rare = CHANGE
        for at in range(self.count):
            if self._field(at, &fields[at]):
                rare = UNCARRIABLE
        return rare

    cdef inline int _field(self, int place, const Field *field) except -1:
        if field.format == 98:
            return put_binary(self.out, self.kinds[place], field)
        if field.format == 116:
            return put_text(self.out, self.kinds[place], field)
        self.out.byte(NULL_BRANCH)
        return CARRIED

    def column(self, Py_ssize_t place, bytes data not None, *, bint binary):
        """See `Encoder.column`."""
        cdef Field field
        if not 0 <= place < self.count:
            raise IndexError(place)
        field.format = 98 if binary else 116
        field.data = <const uint8_t *>PyBytes_AS_STRING(data)
        field.size = PyBytes_GET_SIZE(data)
        self.out.size = 0
        if self._field(<int>place, &field):
            raise Uncarriable(NOT_UTF8)
        return self.out.taken()

    def copy_row(self, bytes data not None):
        """See `Encoder.copy_row`."""
        cdef const uint8_t *p = <const uint8_t *>PyBytes_AS_STRING(data)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(data), at = 2
        cdef int place
        cdef int64_t length
        cdef list omitted = None
        if size < 2 or <int16_t>be16(p) != self.count:
            raise ProtocolError(f"expected a copied row of {self.count} columns, got another")
        for place in range(self.count):
            if size - at < 4:
                raise ProtocolError(f"the size of a copied value needs 4 bytes at offset {at}, got {size - at}")
            length = <int32_t>be32(p + at)
            at += 4
            self.new[place].format = 110 if length == -1 else self.copied[place]
            if length < -1 or length > size - at:
                raise ProtocolError(f"a copied value needs {length} bytes at offset {at}, got {size - at}")
            self.new[place].data = p + at
            self.new[place].size = 0 if length < 0 else <Py_ssize_t>length
            at += self.new[place].size
        if at != size:
            raise ProtocolError(f"expected the end of a copied row at offset {at}, got {size - at} more bytes")
        self._key(self.key_out, self.new)
        self.out.size = 0
        for place in range(self.count):
            if self._field(place, &self.new[place]):
                if omitted is None:
                    omitted = []
                omitted.append((self.columns[place].name, NOT_UTF8))
        return self.key_out.taken(), self.out.taken(), () if omitted is None else tuple(omitted)

    def read_event(self, bytes row not None, context, int64_t lsn, int64_t version, int64_t ordinal):
        """See `Encoder.read_event`."""
        self._begin(114, context, lsn, version, ordinal)
        self.out.byte(NULL_BRANCH)
        self.out.byte(ROW_BRANCH)
        self.out.raw(PyBytes_AS_STRING(row), PyBytes_GET_SIZE(row))
        return self.out.taken()
