"""Part of `compiled.pyx`: the fields of a tuple of the stream and of a row of COPY BINARY, found but not yet read."""


cdef Outcome read_tuple(
    const uint8_t *p, Py_ssize_t size, Py_ssize_t *begin, int count, const int *order, Field *fields
) except FAILED:
    """The fields of a tuple (TupleData), those of the stream's column i at `order[i]`; moves `begin` to its end."""
    cdef Py_ssize_t at = begin[0]
    cdef int column
    cdef Field *field
    cdef uint8_t kind
    cdef int64_t length
    if size - at < 2:
        raise ProtocolError(f"expected a tuple at offset {at}, got {size - at} bytes")
    if be16(p + at) != count:
        raise Unfit(f"expected a tuple of {count} columns, got {be16(p + at)}")
    at += 2
    for column in range(count):
        if at >= size:
            raise ProtocolError(f"expected column {column} at offset {at}, got the end")
        field = &fields[order[column]]
        kind = p[at]
        at += 1
        field.format = kind
        field.data = NULL
        field.size = 0
        if kind == c'n' or kind == c'u':
            continue
        if kind != c'b' and kind != c't':
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
    begin[0] = at
    return DONE


cdef Outcome read_copied(
    const uint8_t *p, Py_ssize_t size, int count, const uint8_t *formats, Field *fields
) except FAILED:
    """The fields of a whole row of COPY BINARY, whose columns come in these formats."""
    cdef Py_ssize_t at = 2
    cdef int index
    cdef int64_t length
    if size < 2 or <int16_t>be16(p) != count:
        raise ProtocolError(f"expected a copied row of {count} columns, got another")
    for index in range(count):
        if size - at < 4:
            raise ProtocolError(f"the size of a copied value needs 4 bytes at offset {at}, got {size - at}")
        length = <int32_t>be32(p + at)
        at += 4
        fields[index].format = c'n' if length == -1 else formats[index]
        if length < -1 or length > size - at:
            raise ProtocolError(f"a copied value needs {length} bytes at offset {at}, got {size - at}")
        fields[index].data = p + at
        fields[index].size = 0 if length < 0 else <Py_ssize_t>length
        at += fields[index].size
    if at != size:
        raise ProtocolError(f"expected the end of a copied row at offset {at}, got {size - at} more bytes")
    return DONE
