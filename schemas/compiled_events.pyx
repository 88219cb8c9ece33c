# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True
"""
Reads the body of an event, faster than a general Avro decoder can.

`schemas.wire` uses it where it was built and where the schema is the envelope that it knows, and fastavro otherwise;
tests hold the two equal. Every length is compared with what is left before it is used. Anything that is no such event
is a ValueError, whose text holds no value.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

# What a branch of a column's union holds.
cdef enum:
    NOTHING = 0
    BOOLEAN = 1
    WHOLE = 2
    FLOAT = 3
    DOUBLE = 4
    STRING = 5
    BYTES = 6
    NO_BRANCH = 255  # the union has fewer

cdef enum:
    MOST_BRANCHES = 4

CODES = {
    "null": NOTHING,
    "boolean": BOOLEAN,
    "int": WHOLE,
    "long": WHOLE,
    "float": FLOAT,
    "double": DOUBLE,
    "string": STRING,
    "bytes": BYTES,
}


cdef class Columns:
    """The columns of a record: true names, and the types in each column's union."""

    cdef tuple names
    cdef Py_ssize_t count
    cdef uint8_t *codes  # MOST_BRANCHES a column

    def __cinit__(self, names, unions):
        cdef Py_ssize_t at, branch
        self.names = tuple(names)
        self.count = len(self.names)
        if len(unions) != self.count or any(len(union) > MOST_BRANCHES for union in unions):
            raise ValueError("expected a union of at most four types for every column")
        self.codes = <uint8_t *>malloc(max(self.count, 1) * MOST_BRANCHES)
        if self.codes == NULL:
            raise MemoryError()
        for at in range(self.count):
            for branch in range(MOST_BRANCHES):
                self.codes[at * MOST_BRANCHES + branch] = (
                    CODES[unions[at][branch]] if branch < len(unions[at]) else NO_BRANCH
                )

    def __dealloc__(self):
        free(self.codes)


cdef class BodyReader:
    """Reads events of one schema. `row` and `key` are the columns of its records."""

    cdef Columns row
    cdef Columns key
    cdef const uint8_t *p
    cdef Py_ssize_t at
    cdef Py_ssize_t size

    def __init__(self, Columns row not None, Columns key not None):
        self.row = row
        self.key = key

    def read(self, bytes value not None, Py_ssize_t begin):
        """The fields of the event whose body begins there, in the order of `Event`, without its last two."""
        self.p = <const uint8_t *>PyBytes_AS_STRING(value)
        self.size = PyBytes_GET_SIZE(value)
        if not 0 <= begin <= self.size:
            raise ValueError("expected a body")
        self.at = begin
        op = self._string()
        version = self._long()
        source = (
            self._string(),
            self._string(),
            self._string(),
            self._string(),
            self._string(),
            self._long(),
            self._long(),
            self._long(),
            self._long(),
            self._long(),
        )
        ts_ms = self._long()
        transaction = (self._string(), self._long()) if self._branch(1) else None
        below_version = self._long() if self._branch(1) else None
        refetched = self._names()
        omitted = self._reasons()
        cdef int64_t which = self._branch(2)
        before = None if which == 0 else self._record(self.row if which == 1 else self.key)
        after = self._record(self.row) if self._branch(1) else None
        if self.at != self.size:
            raise ValueError("expected the end of the event")
        return op, version, source, ts_ms, transaction, below_version, refetched, omitted, before, which == 2, after

    cdef int64_t _long(self) except? -1:
        cdef uint64_t value = 0
        cdef uint8_t byte
        cdef int shift = 0
        while True:
            if self.at >= self.size or shift > 63:
                raise ValueError("expected a number")
            byte = self.p[self.at]
            self.at += 1
            value |= <uint64_t>(byte & 0x7F) << shift
            if byte < 0x80:
                return <int64_t>(value >> 1) ^ -<int64_t>(value & 1)
            shift += 7

    cdef int64_t _branch(self, int64_t most) except -1:
        cdef int64_t branch = self._long()
        if not 0 <= branch <= most:
            raise ValueError("expected a branch of the union")
        return branch

    cdef Py_ssize_t _length(self) except -1:
        cdef int64_t length = self._long()
        if not 0 <= length <= self.size - self.at:
            raise ValueError("expected a length within the event")
        return <Py_ssize_t>length

    cdef str _string(self):
        cdef Py_ssize_t length = self._length()
        cdef const char *text = <const char *>self.p + self.at
        self.at += length
        return PyUnicode_DecodeUTF8(text, length, NULL)

    cdef dict _record(self, Columns columns):
        cdef dict record = {}
        cdef Py_ssize_t column
        for column in range(columns.count):
            record[columns.names[column]] = self._value(
                columns.codes[column * MOST_BRANCHES + self._branch(MOST_BRANCHES - 1)]
            )
        return record

    cdef object _value(self, uint8_t code):
        cdef Py_ssize_t length
        if code == NOTHING:
            return None
        if code == STRING:
            return self._string()
        if code == WHOLE:
            return self._long()
        if code == BOOLEAN:
            return self._boolean()
        if code == DOUBLE:
            return self._double()
        if code == FLOAT:
            return self._float()
        if code == BYTES:
            length = self._length()
            self.at += length
            return PyBytes_FromStringAndSize(<const char *>self.p + self.at - length, length)
        raise ValueError("expected a branch of the union")

    cdef object _boolean(self):
        if self.at >= self.size or self.p[self.at] > 1:
            raise ValueError("expected a boolean")
        self.at += 1
        return self.p[self.at - 1] == 1

    cdef object _double(self):
        cdef uint64_t bits = 0
        cdef double value
        cdef int byte
        if self.size - self.at < 8:
            raise ValueError("expected a double")
        for byte in range(8):
            bits |= <uint64_t>self.p[self.at + byte] << (8 * byte)
        self.at += 8
        memcpy(&value, &bits, 8)
        return value

    cdef object _float(self):
        cdef uint32_t bits = 0
        cdef float value
        cdef int byte
        if self.size - self.at < 4:
            raise ValueError("expected a float")
        for byte in range(4):
            bits |= <uint32_t>self.p[self.at + byte] << (8 * byte)
        self.at += 4
        memcpy(&value, &bits, 4)
        return <double>value

    cdef int64_t _block(self) except -1:
        """How many items the next block of an array has; 0 ends it."""
        cdef int64_t count = self._long()
        if count < 0:
            self._long()  # the block's size, for those who skip it
            count = -count
        if not 0 <= count <= self.size - self.at:
            raise ValueError("expected as many items as there are bytes at most")
        return count

    cdef tuple _names(self):
        cdef int64_t count = self._block(), item
        if count == 0:
            return ()
        names = []
        while count:
            for item in range(count):
                names.append(self._string())
            count = self._block()
        return tuple(names)

    cdef tuple _reasons(self):
        cdef int64_t count = self._block(), item
        if count == 0:
            return ()
        reasons = []
        while count:
            for item in range(count):
                reasons.append((self._string(), self._string()))
            count = self._block()
        return tuple(reasons)
