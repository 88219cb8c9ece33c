"""Part of `compiled.pyx`: bool, the whole numbers, floats and numeric."""

# The field `sign` of what numeric_send sends.
cdef enum:
    NUMERIC_POSITIVE = 0x0000
    NUMERIC_NEGATIVE = 0x4000
    NUMERIC_NAN = 0xC000
    NUMERIC_INFINITY = 0xD000
    NUMERIC_NEGATIVE_INFINITY = 0xF000
    NUMERIC_MOST_SCALE = 0x3FFF


# --- Text ----------------------------------------------------------------------------------------------------------

cdef Outcome put_bool_text(Buffer out, const Field *field) except FAILED:
    if field.size != 1 or (field.data[0] != c't' and field.data[0] != c'f'):
        raise Unfit("expected a bool as t or f, got other text")
    out.byte(VALUE_BRANCH)
    return out.byte(field.data[0] == c't')


cdef Outcome put_int2_text(Buffer out, const Field *field) except FAILED:
    return put_integer_text(out, field, -0x8000, 0x7FFF)


cdef Outcome put_int4_text(Buffer out, const Field *field) except FAILED:
    return put_integer_text(out, field, -0x80000000, 0x7FFFFFFF)


cdef Outcome put_int8_text(Buffer out, const Field *field) except FAILED:
    return put_integer_text(out, field, INT64_MIN, INT64_MAX)


cdef Outcome put_oid_text(Buffer out, const Field *field) except FAILED:
    return put_integer_text(out, field, 0, 0xFFFFFFFF)


cdef Outcome put_integer_text(Buffer out, const Field *field, int64_t low, int64_t high) except FAILED:
    cdef const uint8_t *p = field.data
    cdef Py_ssize_t at = 0, size = field.size
    cdef bint negative = size > 0 and p[0] == c'-'
    cdef uint64_t value = 0, most
    if negative:
        at = 1
    if not 1 <= size - at <= 19:
        raise Unfit("expected a whole number, got other text")
    while at < size:
        if not is_digit(p[at]):
            raise Unfit("expected a whole number, got other text")
        value = value * 10 + (p[at] - c'0')
        at += 1
    most = <uint64_t>0 - <uint64_t>low if negative else <uint64_t>high
    if value > most:
        raise Unfit(f"expected a whole number between {low} and {high}, got other text")
    return out.branch_long(<int64_t>(<uint64_t>0 - value) if negative else <int64_t>value)


cdef Outcome put_float8_text(Buffer out, const Field *field) except FAILED:
    cdef double value
    read_float(field, &value)
    return put_double(out, value)


cdef Outcome put_float4_text(Buffer out, const Field *field) except FAILED:
    cdef double value
    cdef float single
    read_float(field, &value)
    single = <float>value
    if isinf(single) and not isinf(value):
        raise Unfit("expected a float of single precision, got a greater number")
    return put_float(out, single)


cdef Outcome read_float(const Field *field, double *value) except FAILED:
    cdef char text[96]
    if is_word(field.data, field.size, b"NaN"):
        value[0] = NAN
        return DONE
    if is_word(field.data, field.size, b"Infinity"):
        value[0] = INFINITY
        return DONE
    if is_word(field.data, field.size, b"-Infinity"):
        value[0] = -INFINITY
        return DONE
    if is_float(field.data, field.size):
        memcpy(text, field.data, field.size)
        text[field.size] = 0
        value[0] = PyOS_string_to_double(text, NULL, NULL)
        if not isinf(value[0]):
            return DONE
    raise Unfit("expected a float as PostgreSQL prints it, got other text")


cdef bint is_float(const uint8_t *p, Py_ssize_t size) noexcept:
    """-?[0-9]{1,40}(.[0-9]{1,40})?(e[+-][0-9]{1,4})?"""
    cdef Py_ssize_t begin = 1 if size > 0 and p[0] == c'-' else 0
    cdef Py_ssize_t at = digits_end(p, begin, size)
    if not 1 <= at - begin <= 40:
        return False
    if at < size and p[at] == c'.':
        begin = at + 1
        at = digits_end(p, begin, size)
        if not 1 <= at - begin <= 40:
            return False
    if at < size and p[at] == c'e':
        at += 1
        if at >= size or (p[at] != c'+' and p[at] != c'-'):
            return False
        begin = at + 1
        at = digits_end(p, begin, size)
        if not 1 <= at - begin <= 4:
            return False
    return at == size


cdef Outcome put_numeric_text(Buffer out, const Field *field) except FAILED:
    if not is_numeric(field.data, field.size):
        raise Unfit("expected a numeric as PostgreSQL prints it, got other text")
    return out.branch_string(VALUE_BRANCH, field.data, field.size)


cdef bint is_numeric(const uint8_t *p, Py_ssize_t size) noexcept:
    cdef Py_ssize_t begin = 1 if size > 0 and p[0] == c'-' else 0
    cdef Py_ssize_t at
    if is_word(p, size, b"NaN") or is_word(p, size, b"Infinity") or is_word(p, size, b"-Infinity"):
        return True
    at = digits_end(p, begin, size)
    if at == begin:
        return False
    if at < size and p[at] == c'.':
        begin = at + 1
        at = digits_end(p, begin, size)
        if at == begin:
            return False
    return at == size


# --- Binary --------------------------------------------------------------------------------------------------------

cdef Outcome put_bool(Buffer out, const Field *field) except FAILED:
    if field.size != 1 or field.data[0] > 1:
        raise Unfit("expected a bool of one byte, 0 or 1, got other bytes")
    out.byte(VALUE_BRANCH)
    return out.byte(field.data[0])


cdef Outcome put_int2(Buffer out, const Field *field) except FAILED:
    check_size(field, 2, "int2")
    return out.branch_long(<int16_t>be16(field.data))


cdef Outcome put_int4(Buffer out, const Field *field) except FAILED:
    check_size(field, 4, "int4")
    return out.branch_long(<int32_t>be32(field.data))


cdef Outcome put_int8(Buffer out, const Field *field) except FAILED:
    check_size(field, 8, "int8")
    return out.branch_long(<int64_t>be64(field.data))


cdef Outcome put_oid(Buffer out, const Field *field) except FAILED:
    check_size(field, 4, "oid")
    return out.branch_long(<int64_t>be32(field.data))


cdef Outcome put_float4(Buffer out, const Field *field) except FAILED:
    cdef uint32_t bits
    cdef float value
    check_size(field, 4, "float4")
    bits = be32(field.data)
    memcpy(&value, &bits, 4)
    return put_float(out, value)


cdef Outcome put_float8(Buffer out, const Field *field) except FAILED:
    cdef uint64_t bits
    cdef double value
    check_size(field, 8, "float8")
    bits = be64(field.data)
    memcpy(&value, &bits, 8)
    return put_double(out, value)


cdef Outcome put_double(Buffer out, double value) except FAILED:
    """Every NaN is written alike."""
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
    return DONE


cdef Outcome put_float(Buffer out, float value) except FAILED:
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
    return DONE


cdef Outcome put_numeric(Buffer out, const Field *field) except FAILED:
    """The format of numeric_send, printed as numeric_out does."""
    cdef const uint8_t *groups
    cdef int count, weight, sign, scale, at
    if field.size < 8:
        raise Unfit(f"expected a numeric of 8 bytes at least, got {field.size}")
    count = be16(field.data)
    weight = <int16_t>be16(field.data + 2)
    sign = be16(field.data + 4)
    scale = be16(field.data + 6)
    check_size(field, 8 + 2 * count, "numeric")
    if sign == NUMERIC_NAN:
        return out.branch_word(VALUE_BRANCH, b"NaN")
    if sign == NUMERIC_INFINITY:
        return out.branch_word(VALUE_BRANCH, b"Infinity")
    if sign == NUMERIC_NEGATIVE_INFINITY:
        return out.branch_word(VALUE_BRANCH, b"-Infinity")
    groups = field.data + 8
    for at in range(count):
        if be16(groups + 2 * at) > 9999:
            raise Unfit("expected a numeric of base 10000, got another digit")
    if (sign != NUMERIC_POSITIVE and sign != NUMERIC_NEGATIVE) or scale > NUMERIC_MOST_SCALE:
        raise Unfit("expected a numeric of base 10000, got another sign or scale")
    return put_groups(out, groups, count, weight, sign == NUMERIC_NEGATIVE, scale)


cdef inline Outcome put_groups(
    Buffer out, const uint8_t *groups, int count, int weight, bint negative, int scale
) except FAILED:
    """The digits of a numeric, four in a group; the first group stands for 10000 ** `weight`."""
    cdef int first = group_at(groups, count, 0) if weight >= 0 else 0
    cdef int first_size = 4 if first > 999 else 3 if first > 99 else 2 if first > 9 else 1
    cdef Py_ssize_t size = negative + first_size + (4 * weight if weight > 0 else 0) + (1 + scale if scale else 0)
    cdef uint8_t digits[4]
    cdef uint8_t *text
    cdef int at, left
    out.byte(VALUE_BRANCH)
    out.long_(size)
    out.room(size + 4)  # the last group is written whole
    text = out.data + out.size
    if negative:
        text[0] = c'-'
        text += 1
    four_digits(digits, first)
    memcpy(text, &digits[4 - first_size], first_size)
    text += first_size
    for at in range(1, weight + 1):
        four_digits(text, group_at(groups, count, at))
        text += 4
    if scale:
        text[0] = c'.'
        text += 1
        at = weight + 1
        left = scale
        while left > 0:
            four_digits(text, group_at(groups, count, at))
            text += 4
            left -= 4
            at += 1
    out.size += size
    return DONE


cdef inline int group_at(const uint8_t *groups, int count, int at) noexcept:
    return be16(groups + 2 * at) if 0 <= at < count else 0


cdef inline void four_digits(uint8_t *out, int group) noexcept:
    out[0] = <uint8_t>(c'0' + group // 1000)
    out[1] = <uint8_t>(c'0' + group // 100 % 10)
    out[2] = <uint8_t>(c'0' + group // 10 % 10)
    out[3] = <uint8_t>(c'0' + group % 10)
