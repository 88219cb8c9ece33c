"""Edge: whether the database that a command asks is the one that the pipeline's position belongs to (rule P12).

Keeps: P12.
"""

from __future__ import annotations

from cdc_reader.postgres.connections import Connection, translated
from cdc_reader.progress.origins import Origin, check_origin
from cdc_reader.progress.stored import read_position
from cdc_runtime.kafka.admin import KafkaAdmin
from rowferry.connections import database
from rowferry.settings import OperatorSettings
from schemas.errors import RowferryError
from schemas.offsets import Position

_MAY_ASK = "SELECT current_database()::text, has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')"
_SYSTEM_ID = "SELECT system_identifier::text FROM pg_catalog.pg_control_system()"
_KAFKA_S = 3.0


def read_origin(connection: Connection) -> Origin:
    """The server and database of a connection. Raises as every query."""
    with translated("ask which server it is"):
        [(name, may_ask)] = connection.execute(_MAY_ASK).fetchall()
        system_id = connection.execute(_SYSTEM_ID).fetchall()[0][0] if may_ask else None
    return Origin(system_id, name)


def check_database(settings: OperatorSettings, position: Position | None) -> None:
    """Raise `SettingsError`, with both named, when `position` is not of the database of `database_url`."""
    if position is not None:
        with database(settings) as connection:
            check_origin(position, read_origin(connection))


def position_if_told(settings: OperatorSettings) -> Position | None:
    """The stored position; None when there is none, or it cannot be had soon."""
    admin = KafkaAdmin(settings.kafka)
    try:
        admin.wait_until_reachable(_KAFKA_S)
        return read_position(settings.kafka, settings.source, admin)
    except RowferryError:
        return None
