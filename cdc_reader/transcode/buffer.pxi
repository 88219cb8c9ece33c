"""Part of `compiled.pyx`: fields as they come, bytes that grow, and the smallest pieces of both."""

# What writing returns, everywhere. Whatever is wrong is raised instead.
cdef enum Outcome:
    FAILED = -1  # Cython's own sign that an exception is on its way: tested by what Cython generates, and by it alone
    DONE = 0
    OMITTED = 1  # a value that no event can carry; null stands in its place

# Branches of the unions in the envelope.
cdef enum:
    NULL_BRANCH = 0x00
    VALUE_BRANCH = 0x02
    TEXT_BRANCH = 0x04  # of a column with a branch "string"
    ROW_BRANCH = 0x02
    KEY_BRANCH = 0x04

cdef const char *HEX = "0123456789abcdef"
cdef const char *UPPER_HEX = "0123456789ABCDEF"


cdef struct Field:
    uint8_t format  # c'n' null, c'u' unchanged, c't' text, c'b' binary
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

    cdef inline Outcome room(self, Py_ssize_t more) except FAILED:
        """Make room for `more` bytes behind `size`."""
        if self.capacity - self.size < more:
            self._grow(more)
        return DONE

    cdef Outcome _grow(self, Py_ssize_t more) except FAILED:
        cdef Py_ssize_t capacity = 2 * self.capacity + more
        cdef uint8_t *data = <uint8_t *>realloc(self.data, capacity)
        if data == NULL:
            raise MemoryError()
        self.data = data
        self.capacity = capacity
        return DONE

    cdef inline Outcome byte(self, uint8_t value) except FAILED:
        self.room(1)
        self.data[self.size] = value
        self.size += 1
        return DONE

    cdef inline Outcome raw(self, const void *data, Py_ssize_t size) except FAILED:
        self.room(size)
        memcpy(self.data + self.size, data, size)
        self.size += size
        return DONE

    cdef inline Outcome word(self, const char *text) except FAILED:
        return self.raw(text, strlen(text))

    cdef inline Outcome long_(self, int64_t value) except FAILED:
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
        return DONE

    cdef inline Outcome branch_long(self, int64_t value) except FAILED:
        self.byte(VALUE_BRANCH)
        return self.long_(value)

    cdef inline Outcome branch_string(self, uint8_t branch, const void *data, Py_ssize_t size) except FAILED:
        self.byte(branch)
        self.long_(size)
        return self.raw(data, size)

    cdef inline Outcome branch_word(self, uint8_t branch, const char *text) except FAILED:
        return self.branch_string(branch, text, strlen(text))

    cdef inline Outcome digits(self, uint64_t value, int width) except FAILED:
        """Decimal digits, with zeros in front up to `width`."""
        cdef uint8_t text[20]
        cdef int at = 20
        while value or width > 0:
            at -= 1
            text[at] = <uint8_t>(c'0' + value % 10)
            value //= 10
            width -= 1
        return self.raw(&text[at], 20 - at)

    cdef inline Outcome integer(self, int64_t value) except FAILED:
        """A decimal number."""
        if value < 0:
            self.byte(c'-')
            return self.digits(<uint64_t>0 - <uint64_t>value, 1)
        return self.digits(<uint64_t>value, 1)

    cdef Outcome uuid(self, const uint8_t *data) except FAILED:
        """Sixteen bytes as 36 characters."""
        cdef uint8_t *out
        cdef int at
        self.room(36)
        out = self.data + self.size
        for at in range(16):
            if at == 4 or at == 6 or at == 8 or at == 10:
                out[0] = c'-'
                out += 1
            out[0] = HEX[data[at] >> 4]
            out[1] = HEX[data[at] & 15]
            out += 2
        self.size += 36
        return DONE

    cdef Outcome quoted(self, const uint8_t *data, Py_ssize_t size) except FAILED:
        """One part of a row key, as `schemas.keys.row_key` writes it."""
        cdef Py_ssize_t at
        cdef uint8_t c
        cdef uint8_t *out
        if size == 0:
            return self.word(b"%00")
        self.room(3 * size)
        out = self.data + self.size
        for at in range(size):
            c = data[at]
            if is_unreserved(c):
                out[0] = c
                out += 1
            else:
                out[0] = c'%'
                out[1] = UPPER_HEX[c >> 4]
                out[2] = UPPER_HEX[c & 15]
                out += 3
        self.size = out - self.data
        return DONE

    cdef inline bytes taken(self):
        return PyBytes_FromStringAndSize(<char *>self.data, self.size)


cdef inline uint16_t be16(const uint8_t *p) noexcept:
    return (<uint16_t>p[0] << 8) | p[1]


cdef inline uint32_t be32(const uint8_t *p) noexcept:
    return (<uint32_t>p[0] << 24) | (<uint32_t>p[1] << 16) | (<uint32_t>p[2] << 8) | p[3]


cdef inline uint64_t be64(const uint8_t *p) noexcept:
    return (<uint64_t>be32(p) << 32) | be32(p + 4)


cdef inline bint is_digit(uint8_t c) noexcept:
    return c'0' <= c <= c'9'


cdef inline bint is_unreserved(uint8_t c) noexcept:
    """Whether it stands for itself in a percent-encoded text (RFC 3986, 2.3)."""
    if is_digit(c) or c'A' <= c <= c'Z' or c'a' <= c <= c'z':
        return True
    return c == c'-' or c == c'.' or c == c'_' or c == c'~'


cdef inline bint is_word(const uint8_t *p, Py_ssize_t size, const char *text) noexcept:
    """Whether the bytes are this text, no more and no less."""
    return size == <Py_ssize_t>strlen(text) and memcmp(p, text, size) == 0


cdef inline Py_ssize_t digits_end(const uint8_t *p, Py_ssize_t at, Py_ssize_t size) noexcept:
    while at < size and is_digit(p[at]):
        at += 1
    return at


cdef inline Outcome check_size(const Field *field, Py_ssize_t size, str kind) except FAILED:
    return DONE if field.size == size else refuse_size(field, size, kind)


cdef Outcome refuse_size(const Field *field, Py_ssize_t size, str kind) except FAILED:
    raise Unfit(f"expected a {kind} of {size} bytes, got {field.size}")
