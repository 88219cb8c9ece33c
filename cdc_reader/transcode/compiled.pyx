# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=True
"""
The encoder's hot path: from the bytes of a tuple to the bytes of an event without a Python object per column.

`reference.py` says what it must do; tests hold the two equal. Every length that comes from outside is compared with
what is left of the message before it is used, and every write makes room first. One unit of C, so that calls within
cost nothing; its parts are the files included below. `bench/transcoder.py` measures it.

How functions return, in all of them:

* What writes (`put_*`, `key_*`, `show_*`, the methods of `Buffer`) or checks (`read_*`, `check_*`) returns an
  `Outcome`: DONE, or OMITTED for a value that no event can carry. Whatever is wrong is raised: `Unfit`
  where it is a value or the table's alone, `ProtocolError` where the message cannot be read.
* What looks (`is_*`, `take_*`) returns whether it is there, and gives what it found through pointers; it never raises.
* The methods of `Core` that return bits return the reasons of `Encoder.change`.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from libc.math cimport INFINITY, NAN, isinf, isnan
from libc.stdint cimport INT64_MAX, INT64_MIN, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcmp, memcpy, strlen

from cdc_reader.transcode import encoder
from cdc_reader.transcode.carried import NOT_UTF8, Uncarriable, Unfit
from cdc_reader.transcode.kinds import Code
from cdc_reader.transcode.row_keys import binary_key_text
from schemas.errors import ProtocolError

cdef extern from "Python.h":
    double PyOS_string_to_double(const char *text, char **end, PyObject *overflow) except? -1.0

include "buffer.pxi"
include "tuples.pxi"
include "numbers.pxi"
include "times.pxi"
include "others.pxi"
include "arrays.pxi"
include "writers.pxi"

# Bits of what `Encoder.change` returns.
cdef int CHANGE = encoder.CHANGE
cdef int KEY_CHANGED = encoder.KEY_CHANGED
cdef int INCOMPLETE = encoder.INCOMPLETE
cdef int UNCARRIABLE = encoder.UNCARRIABLE


cdef class Core:
    """The hot path of one table's encoder; `compiled_encoder` joins it with the slow path."""

    cdef int count
    cdef int key_count
    cdef uint32_t oid
    cdef bint streamed
    cdef Writers *writers
    cdef Elements *elements  # of columns that are arrays
    cdef int *wire
    cdef int *key
    cdef uint8_t *copied  # the format in which COPY BINARY has each column
    cdef Field *old
    cdef Field *new
    cdef Buffer out
    cdef Buffer key_out
    cdef Buffer old_key_out
    cdef Buffer array_out
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
        if not all(0 <= index < self.count for index in plan.key):
            raise ValueError("expected key columns among the columns")
        self.writers = <Writers *>self._array(self.count, sizeof(Writers))
        self.elements = <Elements *>self._array(self.count, sizeof(Elements))
        self.wire = <int *>self._array(self.count, sizeof(int))
        self.key = <int *>self._array(self.key_count, sizeof(int))
        self.copied = <uint8_t *>self._array(self.count, 1)
        self.old = <Field *>self._array(self.count, sizeof(Field))
        self.new = <Field *>self._array(self.count, sizeof(Field))
        for at in range(self.count):
            self.writers[at] = writers_of(plan.columns[at].kind.code)
            self.elements[at] = elements_of(plan.columns[at].kind)
            if plan.columns[at].kind.printer is not None:
                self.writers[at].binary = NULL
            self.copied[at] = c'b' if plan.columns[at].kind.binary else c't'
            self.wire[at] = plan.wire_order[at]
        for at in range(self.key_count):
            self.key[at] = plan.key[at]
        self.out, self.key_out, self.old_key_out, self.array_out = Buffer(), Buffer(), Buffer(), Buffer()
        self.head, self.names = plan.frame, plan.source_names
        self.middle = self.tail = b""
        self.context = None

    cdef void *_array(self, Py_ssize_t count, Py_ssize_t item) except NULL:
        cdef void *data = malloc(max(count, 1) * item)
        if data == NULL:
            raise MemoryError()
        return data

    def __dealloc__(self):
        free(self.writers)
        free(self.elements)
        free(self.wire)
        free(self.key)
        free(self.copied)
        free(self.old)
        free(self.new)

    def change(self, bytes payload not None, context, int64_t lsn, int64_t version, int64_t ordinal):
        """See `Encoder.change`."""
        cdef const uint8_t *p = <const uint8_t *>PyBytes_AS_STRING(payload)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(payload), at = 5
        cdef uint8_t op, old_kind = 0  # c'K' or c'O' where there is an old tuple
        cdef bint has_new = True
        cdef int rare

        if size < 6:
            raise ProtocolError(f"expected an insert, update or delete, got {size} bytes")
        if p[0] == c'I':
            op = c'c'
        elif p[0] == c'U':
            op = c'u'
        elif p[0] == c'D':
            op = c'd'
            has_new = False
        else:
            raise ProtocolError(f"expected an insert, update or delete, got {chr(p[0])!r}")
        if not self.streamed or be32(p + 1) != self.oid:
            raise ProtocolError(f"expected a change of relation {self.oid}, got one of {be32(p + 1)}")
        if op != c'c' and (p[at] == c'K' or p[at] == c'O'):
            old_kind = p[at]
            at += 1
            read_tuple(p, size, &at, self.count, self.wire, self.old)
        elif not has_new:
            raise ProtocolError(f"expected an old tuple, got {chr(p[at])!r}")
        if has_new:
            if size - at < 1 or p[at] != c'N':
                raise ProtocolError(f"expected a new tuple at offset {at}, got something else")
            at += 1
            read_tuple(p, size, &at, self.count, self.wire, self.new)
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

    cdef int _keys(self, uint8_t old_kind, bint has_new) except FAILED:
        """Fill in what did not change, write the key; returns the reasons that concern them."""
        cdef int at, rare = CHANGE
        cdef bint key_known = True
        if old_kind == c'O':
            for at in range(self.count):
                if self.old[at].format == c'u':
                    raise Unfit("expected a full old tuple, got one with values left out")
        if not has_new:
            self._key(self.key_out, self.old)
            return CHANGE
        if old_kind == c'O':
            for at in range(self.count):
                if self.new[at].format == c'u':
                    self.new[at] = self.old[at]
        for at in range(self.key_count):
            if self.new[self.key[at]].format == c'u' and old_kind:
                self.new[self.key[at]] = self.old[self.key[at]]
            key_known = key_known and self.new[self.key[at]].format != c'u'
        for at in range(self.count):
            if self.new[at].format == c'u':
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

    cdef Outcome _key(self, Buffer out, const Field *fields) except FAILED:
        """The row key (`schemas.keys`)."""
        cdef int at
        out.size = 0
        for at in range(self.key_count):
            if at:
                out.byte(c',')
            self._key_part(out, self.key[at], &fields[self.key[at]])
        return DONE

    cdef inline Outcome _key_part(self, Buffer out, int index, const Field *field) except FAILED:
        if field.format == c't':
            return out.quoted(field.data, field.size)
        if field.format == c'b' and self.writers[index].key != NULL:
            return self.writers[index].key(out, field)
        return self._rare_key_part(out, index, field)

    cdef Outcome _rare_key_part(self, Buffer out, int index, const Field *field) except FAILED:
        """Of kinds that seldom are in keys: by way of a Python object."""
        cdef bytes text
        if field.format != c'b':
            raise Unfit("expected a value for every key column, got none")
        text = binary_key_text(self.columns[index].kind, field.data[: field.size])
        return out.quoted(<const uint8_t *>PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))

    cdef Outcome _begin(self, uint8_t op, context, int64_t lsn, int64_t version, int64_t ordinal) except FAILED:
        """All of the event up to `before`."""
        cdef Buffer out = self.out
        if context is not self.context:
            self._load(context)
        out.size = 0
        out.raw(PyBytes_AS_STRING(self.head), PyBytes_GET_SIZE(self.head))
        out.long_(1)  # the length of `op`
        out.byte(op)
        out.long_(version)
        out.raw(PyBytes_AS_STRING(self.middle), PyBytes_GET_SIZE(self.middle))
        out.long_(lsn)
        out.long_(ordinal)
        out.raw(PyBytes_AS_STRING(self.tail), PyBytes_GET_SIZE(self.tail))
        if self.in_transaction:
            out.long_(ordinal)
        return out.raw(<const char *>b"\0\0\0", 3)  # below_version, refetched, omitted

    cdef Outcome _load(self, context) except FAILED:
        self.middle = context.mode_bytes + self.names + context.commit_bytes
        self.tail = context.tail_bytes
        self.in_transaction = context.transaction_id is not None
        self.context = context
        return DONE

    cdef int _before(self, uint8_t old_kind) except FAILED:
        cdef int at, rare = CHANGE
        if old_kind == 0:
            self.out.byte(NULL_BRANCH)
            return CHANGE
        if old_kind == c'O':
            self.out.byte(ROW_BRANCH)
            return self._row(self.old)
        self.out.byte(KEY_BRANCH)
        for at in range(self.key_count):
            if self._field(self.key[at], &self.old[self.key[at]]) == OMITTED:
                rare = UNCARRIABLE
        return rare

    cdef int _row(self, const Field *fields) except FAILED:
        cdef int at, rare = CHANGE
        for at in range(self.count):
            if self._field(at, &fields[at]) == OMITTED:
                rare = UNCARRIABLE
        return rare

    cdef inline Outcome _field(self, int index, const Field *field) except FAILED:
        if field.format == c'b':
            if self.writers[index].binary == NULL:
                return self._printed(index, field)
            return self.writers[index].binary(self.out, field)
        if field.format == c't':
            return self.writers[index].text(self.out, field)
        return self.out.byte(NULL_BRANCH)

    cdef Outcome _printed(self, int index, const Field *field) except FAILED:
        """Of types whose text a printer makes: by way of Python objects, but for most arrays."""
        cdef bytes text
        if self.elements[index].known and show_array(self.array_out, field, &self.elements[index]):
            return put_utf8_bytes(self.out, self.array_out.data, self.array_out.size)
        text = self.columns[index].kind.printer(field.data[: field.size])
        return put_utf8_bytes(self.out, <const uint8_t *>PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))

    def column(self, Py_ssize_t index, bytes data not None, *, bint binary):
        """See `Encoder.column`."""
        cdef Field field
        if not 0 <= index < self.count:
            raise IndexError(index)
        field.format = c'b' if binary else c't'
        field.data = <const uint8_t *>PyBytes_AS_STRING(data)
        field.size = PyBytes_GET_SIZE(data)
        self.out.size = 0
        if self._field(<int>index, &field) == OMITTED:
            raise Uncarriable(NOT_UTF8)
        return self.out.taken()

    def copy_row(self, bytes data not None):
        """See `Encoder.copy_row`."""
        cdef int index
        cdef list omitted = None
        read_copied(
            <const uint8_t *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), self.count, self.copied, self.new
        )
        self._key(self.key_out, self.new)
        self.out.size = 0
        for index in range(self.count):
            if self._field(index, &self.new[index]) == OMITTED:
                if omitted is None:
                    omitted = []
                omitted.append((self.columns[index].name, NOT_UTF8))
        return self.key_out.taken(), self.out.taken(), () if omitted is None else tuple(omitted)

    def read_event(self, bytes row not None, context, int64_t lsn, int64_t version, int64_t ordinal):
        """See `Encoder.read_event`."""
        self._begin(c'r', context, lsn, version, ordinal)
        self.out.byte(NULL_BRANCH)
        self.out.byte(ROW_BRANCH)
        self.out.raw(PyBytes_AS_STRING(row), PyBytes_GET_SIZE(row))
        return self.out.taken()
