"""Part of `compiled.pyx`: text, JSON, uuid and bytea."""


# --- Text ----------------------------------------------------------------------------------------------------------

cdef Outcome put_utf8(Buffer out, const Field *field) except FAILED:
    """Text as it is: the text format of these kinds, and the binary format of text and json."""
    return put_utf8_bytes(out, field.data, field.size)


cdef inline Outcome put_utf8_bytes(Buffer out, const uint8_t *data, Py_ssize_t size) except FAILED:
    if not is_utf8(data, size):
        out.byte(NULL_BRANCH)
        return OMITTED
    return out.branch_string(VALUE_BRANCH, data, size)


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


cdef Outcome put_uuid_text(Buffer out, const Field *field) except FAILED:
    if not is_uuid(field.data, field.size):
        raise Unfit("expected a uuid of 36 characters, got other text")
    return out.branch_string(VALUE_BRANCH, field.data, field.size)


cdef bint is_uuid(const uint8_t *p, Py_ssize_t size) noexcept:
    cdef Py_ssize_t at
    if size != 36:
        return False
    for at in range(36):
        if at == 8 or at == 13 or at == 18 or at == 23:
            if p[at] != c'-':
                return False
        elif not (is_digit(p[at]) or c'a' <= p[at] <= c'f'):
            return False
    return True


cdef Outcome put_bytea_text(Buffer out, const Field *field) except FAILED:
    cdef Py_ssize_t at, size = field.size - 2
    cdef const uint8_t *p = field.data + 2
    cdef uint8_t *to
    cdef uint8_t high = 0, low = 0
    if size < 0 or size % 2 or field.data[0] != c'\\' or field.data[1] != c'x':
        raise Unfit("expected bytes in hex (bytea_output=hex), got other text")
    out.byte(VALUE_BRANCH)
    out.long_(size // 2)
    out.room(size // 2)
    to = out.data + out.size
    for at in range(size // 2):
        if not (take_nibble(p[2 * at], &high) and take_nibble(p[2 * at + 1], &low)):
            raise Unfit("expected bytes in hex (bytea_output=hex), got other text")
        to[at] = <uint8_t>(high * 16 + low)
    out.size += size // 2
    return DONE


cdef inline bint take_nibble(uint8_t c, uint8_t *value) noexcept:
    if is_digit(c):
        value[0] = c - c'0'
        return True
    c |= 0x20  # lower case
    value[0] = c - c'a' + 10
    return c'a' <= c <= c'f'


# --- Binary --------------------------------------------------------------------------------------------------------

cdef Outcome put_jsonb(Buffer out, const Field *field) except FAILED:
    if field.size < 1 or field.data[0] != 1:
        raise Unfit("expected jsonb of version 1, got another version")
    return put_utf8_bytes(out, field.data + 1, field.size - 1)


cdef Outcome put_uuid(Buffer out, const Field *field) except FAILED:
    check_size(field, 16, "uuid")
    out.byte(VALUE_BRANCH)
    out.long_(36)
    return out.uuid(field.data)


cdef Outcome put_bytea(Buffer out, const Field *field) except FAILED:
    return out.branch_string(VALUE_BRANCH, field.data, field.size)


cdef Outcome put_no_binary(Buffer out, const Field *field) except FAILED:
    raise Unfit("expected a value as text, got binary")
