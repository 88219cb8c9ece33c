"""What an error of psycopg means for us: by its SQLSTATE, and by libpq's words only where there is none."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors

from cdc_reader.postgres.connections import translate, translated
from schemas.errors import (
    AccessDenied,
    FatalError,
    Neighbour,
    RecordError,
    ServerSetting,
    SettingsError,
    SlotBusy,
    TransientError,
    Unreachable,
)

_LOGIN = 'connection failed: connection to server at "127.0.0.1", port 5432 failed: FATAL:  '


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.InsufficientPrivilege("permission denied for table t"), AccessDenied),
        (errors.ObjectNotInPrerequisiteState("logical decoding requires wal_level"), ServerSetting),
        (errors.ConfigurationLimitExceeded("all replication slots are in use"), ServerSetting),
        (errors.ObjectInUse("replication slot is active"), SlotBusy),
        (errors.LockNotAvailable("canceling statement due to lock timeout"), TransientError),
        (errors.QueryCanceled("canceling statement due to user request"), TransientError),
        (errors.SerializationFailure("could not serialize access"), TransientError),
        (errors.AdminShutdown("terminating connection due to administrator command"), Unreachable),
        (errors.UndefinedTable('relation "t" does not exist'), TransientError),
        (errors.InvalidTextRepresentation("invalid input syntax"), RecordError),
        (errors.SyntaxError("syntax error"), FatalError),
        (psycopg.InterfaceError("the connection is closed"), Unreachable),
        (psycopg.OperationalError(_LOGIN + 'password authentication failed for user "u"'), AccessDenied),
        (psycopg.OperationalError(_LOGIN + 'database "d" does not exist'), AccessDenied),
        (psycopg.OperationalError(_LOGIN + "must be superuser or replication role to start walsender"), AccessDenied),
        (psycopg.OperationalError(_LOGIN + "number of requested standby connections exceeds 10"), ServerSetting),
        (psycopg.OperationalError("connection refused"), Unreachable),
        (psycopg.OperationalError('root certificate file "x" does not exist'), SettingsError),
        (psycopg.OperationalError("SSL error: certificate verify failed"), SettingsError),
        (psycopg.OperationalError("SSL SYSCALL error: EOF detected"), Unreachable),
        (psycopg.OperationalError("SSL error: unexpected eof while reading"), Unreachable),
        (psycopg.OperationalError(_LOGIN + 'no pg_hba.conf entry for host "h", no encryption'), AccessDenied),
        (psycopg.OperationalError(_LOGIN + 'no pg_hba.conf entry for host "h", SSL encryption'), AccessDenied),
        (psycopg.OperationalError(_LOGIN + 'permission denied for database "d"'), AccessDenied),
        (psycopg.OperationalError(_LOGIN + "connection requires a valid client certificate"), AccessDenied),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value.__name__,
)
def test_each_error_has_its_class_and_comes_from_postgres(error, kind):
    ours = translate(error, "read a table")
    assert type(ours) is kind
    assert ours.neighbour is Neighbour.POSTGRES
    assert str(ours).startswith("cannot read a table: ")


def test_words_of_an_error_with_a_code_decide_nothing():
    error = errors.AdminShutdown("FATAL: the password authentication failed does not exist")
    assert type(translate(error, "read")) is Unreachable


def test_a_value_is_never_in_the_message():
    error = errors.InvalidTextRepresentation('invalid input syntax for type integer: "a secret"')
    assert str(translate(error, "read chunks")) == "cannot read chunks: a value is not of the column's type"


def test_a_definition_that_moved_says_so():
    error = errors.UndefinedColumn('column "x" does not exist')
    assert str(translate(error, "read")) == 'cannot read: column "x" does not exist (the definition changed meanwhile)'


def test_what_cannot_be_sent_in_the_database_s_encoding_is_a_record_s_trouble():
    with (
        pytest.raises(RecordError, match="cannot read rows: a name or value has a character that"),
        translated("read rows"),
    ):
        "\u65e5".encode("cp1252")
