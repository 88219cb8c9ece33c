"""Part of `compiled.pyx`: which function writes which kind."""

ctypedef Outcome (*Put)(Buffer out, const Field *field) except FAILED

cdef struct Writers:
    Put text  # a value in PostgreSQL's text format
    Put binary  # a value in the format of its type's send function; NULL where the column's printer makes text of it
    Put key  # a value in binary as a part of the row key; NULL where `binary_key_text` does it

cdef enum:
    MOST_KINDS = 32

cdef Writers[MOST_KINDS] WRITERS  # by `Code`, which alone numbers the kinds


cdef Outcome written_by(int code, Put text, Put binary, Put key) except FAILED:
    if not 0 <= code < MOST_KINDS:
        raise AssertionError(f"expected {MOST_KINDS} kinds at most, got number {code}")
    WRITERS[code] = Writers(text, binary, key)
    return DONE


cdef Writers writers_of(int code) except *:
    if not 0 <= code < MOST_KINDS or WRITERS[code].text == NULL:
        raise AssertionError(f"unknown kind {code}")
    return WRITERS[code]


cdef Outcome know_kinds() except FAILED:
    written_by(Code.BOOL, put_bool_text, put_bool, NULL)
    written_by(Code.INT2, put_int2_text, put_int2, key_int2)
    written_by(Code.INT4, put_int4_text, put_int4, key_int4)
    written_by(Code.INT8, put_int8_text, put_int8, key_int8)
    written_by(Code.OID, put_oid_text, put_oid, NULL)
    written_by(Code.FLOAT4, put_float4_text, put_float4, NULL)
    written_by(Code.FLOAT8, put_float8_text, put_float8, NULL)
    written_by(Code.NUMERIC, put_numeric_text, put_numeric, NULL)
    written_by(Code.TEXT, put_utf8, put_utf8, key_text)
    written_by(Code.JSON, put_utf8, put_utf8, NULL)
    written_by(Code.JSONB, put_utf8, put_jsonb, NULL)
    written_by(Code.UUID, put_uuid_text, put_uuid, key_uuid)
    written_by(Code.BYTEA, put_bytea_text, put_bytea, NULL)
    written_by(Code.DATE, put_date_text, put_date, NULL)
    written_by(Code.TIME, put_time_text, put_time, NULL)
    written_by(Code.TIMESTAMP, put_timestamp_text, put_timestamp, NULL)
    written_by(Code.TIMESTAMPTZ, put_timestamptz_text, put_timestamptz, NULL)
    written_by(Code.OTHER, put_utf8, put_no_binary, NULL)
    return DONE


# --- Parts of a row key, from values in binary -----------------------------------------------------------------------

cdef Outcome key_int2(Buffer out, const Field *field) except FAILED:
    check_size(field, 2, "int2")
    return out.integer(<int16_t>be16(field.data))


cdef Outcome key_int4(Buffer out, const Field *field) except FAILED:
    check_size(field, 4, "int4")
    return out.integer(<int32_t>be32(field.data))


cdef Outcome key_int8(Buffer out, const Field *field) except FAILED:
    check_size(field, 8, "int8")
    return out.integer(<int64_t>be64(field.data))


cdef Outcome key_text(Buffer out, const Field *field) except FAILED:
    return out.quoted(field.data, field.size)


cdef Outcome key_uuid(Buffer out, const Field *field) except FAILED:
    check_size(field, 16, "uuid")
    return out.uuid(field.data)


know_kinds()
