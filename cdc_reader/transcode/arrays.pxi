"""Part of `compiled.pyx`: arrays of one dimension whose elements are whole numbers, texts or uuids.

What is not looked for here, or is not as it must be, is left to the printer in Python, which says what is wrong.
"""


cdef struct Elements:
    bint known
    uint32_t oid  # the type that the array must say its elements are of
    int code  # their `Code`


cdef Elements elements_of(object kind) except *:
    cdef Elements found = Elements(False, 0, 0)
    if kind.elements is not None:
        oid, code = kind.elements
        found.oid = oid
        found.code = code
        found.known = code in _SHOWN_IN_ARRAYS
    return found


cdef frozenset _SHOWN_IN_ARRAYS = frozenset((Code.INT2, Code.INT4, Code.INT8, Code.TEXT, Code.UUID))
cdef int INT2 = Code.INT2
cdef int INT4 = Code.INT4
cdef int INT8 = Code.INT8
cdef int TEXT = Code.TEXT


cdef bint show_array(Buffer out, const Field *field, const Elements *elements) except *:
    """The text of such an array, into `out`; False where it is none of these."""
    cdef const uint8_t *p = field.data
    cdef Py_ssize_t at = 20, size = field.size, count, index
    cdef int64_t length
    out.size = 0
    if size == 12 and be32(p) == 0 and be32(p + 8) == elements.oid:
        out.raw(<const char *>b"{}", 2)
        return True
    if size < 20 or be32(p) != 1 or be32(p + 8) != elements.oid or be32(p + 16) != 1:
        return False
    count = <int32_t>be32(p + 12)
    if count <= 0 or count > (size - at) // 4:
        return False
    for index in range(count):
        out.byte(c'{' if index == 0 else c',')
        if size - at < 4:
            return False
        length = <int32_t>be32(p + at)
        at += 4
        if length == -1:
            out.raw(<const char *>b"NULL", 4)
            continue
        if length < 0 or length > size - at or not show_element(out, p + at, <Py_ssize_t>length, elements.code):
            return False
        at += <Py_ssize_t>length
    out.byte(c'}')
    return at == size


cdef bint show_element(Buffer out, const uint8_t *p, Py_ssize_t size, int code) except *:
    if code == TEXT:
        show_text_element(out, p, size)
    elif code == INT4 and size == 4:
        out.integer(<int32_t>be32(p))
    elif code == INT8 and size == 8:
        out.integer(<int64_t>be64(p))
    elif code == INT2 and size == 2:
        out.integer(<int16_t>be16(p))
    elif code != INT2 and code != INT4 and code != INT8 and size == 16:
        out.uuid(p)
    else:
        return False
    return True


cdef Outcome show_text_element(Buffer out, const uint8_t *p, Py_ssize_t size) except FAILED:
    cdef Py_ssize_t at
    if not is_quoted_element(p, size):
        return out.raw(p, size)
    out.byte(c'"')
    for at in range(size):
        if p[at] == c'"' or p[at] == c'\\':
            out.byte(c'\\')
        out.byte(p[at])
    return out.byte(c'"')


cdef bint is_quoted_element(const uint8_t *p, Py_ssize_t size) noexcept:
    """Whether array_out puts it in quotes: empty, the word NULL, or with a character that means something there."""
    cdef Py_ssize_t at
    cdef uint8_t c
    if size == 0:
        return True
    if size == 4 and p[0] | 32 == c'n' and p[1] | 32 == c'u' and p[2] | 32 == c'l' and p[3] | 32 == c'l':
        return True
    for at in range(size):
        c = p[at]
        if c == c'"' or c == c'\\' or c == c'{' or c == c'}' or c == c',' or c == c' ' or 9 <= c <= 13:
            return True
    return False
