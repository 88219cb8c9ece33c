"""Part of `compiled.pyx`: date, time and the timestamps."""

# As in `calendar.py`; numbers, for they are constants of C.
cdef extern from *:
    """
    #define SECOND_US 1000000LL
    #define DAY_US 86400000000LL
    #define POSTGRES_EPOCH_DAY 10957LL
    #define FIRST_DAY (-719162LL) /* 0001-01-01 */
    #define LAST_DAY 2932896LL /* 9999-12-31 */
    #define CYCLE_DAYS 146097LL /* 400 years */
    #define CYCLE_YEARS 400LL
    #define EPOCH_FROM_MARCH 719468LL /* days from 0000-03-01 to 1970-01-01 */
    """
    const int64_t SECOND_US
    const int64_t DAY_US
    const int64_t POSTGRES_EPOCH_DAY
    const int64_t FIRST_DAY
    const int64_t LAST_DAY
    const int64_t CYCLE_DAYS
    const int64_t CYCLE_YEARS
    const int64_t EPOCH_FROM_MARCH


# --- Text ----------------------------------------------------------------------------------------------------------

cdef Outcome put_date_text(Buffer out, const Field *field) except FAILED:
    cdef Py_ssize_t end = 0
    cdef int64_t year = 0, number = 0
    cdef int month = 0, day = 0
    cdef bint before_christ
    if is_infinity(field):
        return put_infinity(out, field.data[0] == c'-')
    if not take_date(field.data, field.size, &end, &year, &month, &day):
        raise Unfit("expected a date as PostgreSQL prints it (DateStyle=ISO), got other text")
    before_christ = is_word(field.data + end, field.size - end, b" BC")
    if end != field.size and not before_christ:
        raise Unfit("expected a date as PostgreSQL prints it (DateStyle=ISO), got other text")
    if not take_day(year, month, day, before_christ, &number):
        raise Unfit("expected a day of the calendar, got a day that does not exist")
    if FIRST_DAY <= number <= LAST_DAY:
        return out.branch_long(number)
    return out.branch_string(TEXT_BRANCH, field.data, field.size)


cdef Outcome put_time_text(Buffer out, const Field *field) except FAILED:
    cdef Py_ssize_t end = 0
    cdef int64_t micros = 0
    if not take_time(field.data, field.size, &end, &micros) or end != field.size:
        raise Unfit("expected a time as PostgreSQL prints it, got other text")
    if micros == DAY_US:
        return out.branch_string(TEXT_BRANCH, field.data, field.size)
    return out.branch_long(micros)


cdef Outcome put_timestamp_text(Buffer out, const Field *field) except FAILED:
    return put_moment_text(out, field, False)


cdef Outcome put_timestamptz_text(Buffer out, const Field *field) except FAILED:
    return put_moment_text(out, field, True)


cdef inline Outcome put_moment_text(Buffer out, const Field *field, bint zone) except FAILED:
    cdef const uint8_t *p = field.data
    cdef Py_ssize_t at = 0, time_size = 0, size = field.size
    cdef int64_t year = 0, number = 0, micros = 0
    cdef int month = 0, day = 0
    cdef bint before_christ, whole = True
    if is_infinity(field):
        return put_infinity(out, p[0] == c'-')
    if not (
        take_date(p, size, &at, &year, &month, &day)
        and at < size
        and p[at] == c' '
        and take_time(p + at + 1, size - at - 1, &time_size, &micros)
        and micros < DAY_US
    ):
        raise Unfit("expected a timestamp as PostgreSQL prints it (DateStyle=ISO), got other text")
    at += 1 + time_size
    if zone:
        whole = size - at >= 3 and is_word(p + at, 3, b"+00")
        at += 3
    before_christ = is_word(p + at, size - at, b" BC")
    if not whole or (at != size and not before_christ):
        raise Unfit("expected a timestamp as PostgreSQL prints it (TimeZone=UTC), got other text")
    if not take_day(year, month, day, before_christ, &number):
        raise Unfit("expected a day of the calendar, got a day that does not exist")
    if FIRST_DAY <= number <= LAST_DAY:
        return out.branch_long(number * DAY_US + micros)
    return out.branch_string(TEXT_BRANCH, p, size)


cdef bint is_infinity(const Field *field) noexcept:
    return is_word(field.data, field.size, b"infinity") or is_word(field.data, field.size, b"-infinity")


cdef bint take_date(const uint8_t *p, Py_ssize_t size, Py_ssize_t *end, int64_t *year, int *month, int *day) noexcept:
    """YYYY-MM-DD at the beginning of `p`, with four to seven digits of the year."""
    cdef Py_ssize_t at = digits_end(p, 0, size), digit
    if not 4 <= at <= 7 or size - at < 6 or p[at] != c'-' or p[at + 3] != c'-':
        return False
    year[0] = 0
    for digit in range(at):
        year[0] = year[0] * 10 + (p[digit] - c'0')
    end[0] = at + 6
    return take_two_digits(p + at + 1, month) and take_two_digits(p + at + 4, day)


cdef bint take_time(const uint8_t *p, Py_ssize_t size, Py_ssize_t *end, int64_t *micros) noexcept:
    """HH:MM:SS at the beginning of `p`, and up to six digits more; 24:00:00 at most."""
    cdef int hour = 0, minute = 0, second = 0
    cdef int64_t fraction = 0
    cdef Py_ssize_t at = 8, digits = 0
    if size < 8 or p[2] != c':' or p[5] != c':':
        return False
    if not (take_two_digits(p, &hour) and take_two_digits(p + 3, &minute) and take_two_digits(p + 6, &second)):
        return False
    if minute > 59 or second > 59:
        return False
    if at < size and p[at] == c'.':
        at += 1
        while at < size and is_digit(p[at]) and digits < 6:
            fraction = fraction * 10 + (p[at] - c'0')
            at += 1
            digits += 1
        if digits == 0:
            return False
        while digits < 6:
            fraction *= 10
            digits += 1
    end[0] = at
    micros[0] = ((<int64_t>hour * 60 + minute) * 60 + second) * SECOND_US + fraction
    return micros[0] <= DAY_US


cdef inline bint take_two_digits(const uint8_t *p, int *number) noexcept:
    number[0] = (p[0] - c'0') * 10 + (p[1] - c'0')
    return is_digit(p[0]) and is_digit(p[1])


cdef bint take_day(int64_t year, int month, int day, bint before_christ, int64_t *number) noexcept:
    """Days since 1970-01-01 of a day of the Gregorian calendar, when there is such a day."""
    cdef int64_t astronomical = 1 - year if before_christ else year
    if year == 0 or not 1 <= month <= 12 or not 1 <= day <= days_of(astronomical, month):
        return False
    number[0] = day_number(astronomical, month, day)
    return True


cdef int days_of(int64_t year, int month) noexcept:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month == 4 or month == 6 or month == 9 or month == 11 else 31


cdef int64_t day_number(int64_t year, int month, int day) noexcept:
    """Days since 1970-01-01; year 0 is 1 BC. Years begin in March here, so that a leap day is the last."""
    cdef int64_t y = year - 1 if month <= 2 else year
    cdef int64_t cycle = floor_div(y, CYCLE_YEARS)
    cdef int64_t year_of_cycle = y - cycle * CYCLE_YEARS
    cdef int64_t day_of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    cdef int64_t day_of_cycle = year_of_cycle * 365 + year_of_cycle // 4 - year_of_cycle // 100 + day_of_year
    return cycle * CYCLE_DAYS + day_of_cycle - EPOCH_FROM_MARCH


# --- Binary --------------------------------------------------------------------------------------------------------

cdef Outcome put_date(Buffer out, const Field *field) except FAILED:
    cdef int64_t value, day
    check_size(field, 4, "date")
    value = <int32_t>be32(field.data)
    if value == 0x7FFFFFFF or value == -0x80000000:
        return put_infinity(out, value < 0)
    day = value + POSTGRES_EPOCH_DAY
    if FIRST_DAY <= day <= LAST_DAY:
        return out.branch_long(day)
    return put_odd(out, day, 0, False, False)


cdef Outcome put_time(Buffer out, const Field *field) except FAILED:
    cdef int64_t value
    check_size(field, 8, "time")
    value = <int64_t>be64(field.data)
    if not 0 <= value <= DAY_US:
        raise Unfit("expected a time of day, got a time that does not exist")
    if value == DAY_US:
        return out.branch_word(TEXT_BRANCH, b"24:00:00")
    return out.branch_long(value)


cdef Outcome put_timestamp(Buffer out, const Field *field) except FAILED:
    return put_moment(out, field, False)


cdef Outcome put_timestamptz(Buffer out, const Field *field) except FAILED:
    return put_moment(out, field, True)


cdef inline Outcome put_moment(Buffer out, const Field *field, bint zone) except FAILED:
    cdef int64_t value, day, rest
    check_size(field, 8, "timestamp")
    value = <int64_t>be64(field.data)
    if value == INT64_MAX or value == INT64_MIN:
        return put_infinity(out, value < 0)
    day = floor_div(value, DAY_US)
    rest = value % DAY_US
    if rest < 0:
        rest += DAY_US
    day += POSTGRES_EPOCH_DAY
    if FIRST_DAY <= day <= LAST_DAY:
        return out.branch_long(day * DAY_US + rest)
    return put_odd(out, day, rest, True, zone)


# --- What Python cannot hold, and what both forms share --------------------------------------------------------------

cdef Outcome put_infinity(Buffer out, bint negative) except FAILED:
    return out.branch_word(TEXT_BRANCH, b"-infinity" if negative else b"infinity")


cdef Outcome put_odd(Buffer out, int64_t day, int64_t micros, bint with_time, bint zone) except FAILED:
    """A date or timestamp that Python cannot hold: its text, in the branch for that."""
    cdef Buffer text = Buffer()
    show_date(text, day)
    if with_time:
        text.byte(c' ')
        show_time(text, micros)
        if zone:
            text.word(b"+00")
    if day < FIRST_DAY:
        text.word(b" BC")
    return out.branch_string(TEXT_BRANCH, text.data, text.size)


cdef Outcome show_date(Buffer out, int64_t day) except FAILED:
    """The date as PostgreSQL prints it, without " BC"."""
    cdef int64_t shifted = day + EPOCH_FROM_MARCH
    cdef int64_t cycle = floor_div(shifted, CYCLE_DAYS)
    cdef int64_t day_of_cycle = shifted - cycle * CYCLE_DAYS
    cdef int64_t leap_days = day_of_cycle // 1460 - day_of_cycle // 36524 + day_of_cycle // 146096
    cdef int64_t year_of_cycle = (day_of_cycle - leap_days) // 365
    cdef int64_t day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle // 4 - year_of_cycle // 100)
    cdef int64_t from_march = (5 * day_of_year + 2) // 153
    cdef int64_t month = from_march + 3 if from_march < 10 else from_march - 9
    cdef int64_t year = year_of_cycle + cycle * CYCLE_YEARS + (1 if month <= 2 else 0)
    out.digits(<uint64_t>(year if year > 0 else 1 - year), 4)
    out.byte(c'-')
    out.digits(<uint64_t>month, 2)
    out.byte(c'-')
    return out.digits(<uint64_t>(day_of_year - (153 * from_march + 2) // 5 + 1), 2)


cdef Outcome show_time(Buffer out, int64_t micros) except FAILED:
    """A time of day; no more digits of the second than it has."""
    cdef int64_t seconds = micros // SECOND_US
    cdef int64_t fraction = micros % SECOND_US
    out.digits(<uint64_t>(seconds // 3600), 2)
    out.byte(c':')
    out.digits(<uint64_t>(seconds // 60 % 60), 2)
    out.byte(c':')
    out.digits(<uint64_t>(seconds % 60), 2)
    if fraction:
        out.byte(c'.')
        out.digits(<uint64_t>fraction, 6)
        while out.data[out.size - 1] == c'0':
            out.size -= 1
    return DONE


cdef inline int64_t floor_div(int64_t value, int64_t by) noexcept:
    cdef int64_t quotient = value // by
    if value % by < 0:
        quotient -= 1
    return quotient
