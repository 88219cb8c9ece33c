"""Edge: how the operator's commands reach the database: with short connections of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from cdc_reader.postgres.connections import Connection, connect
from rowferry.settings import OperatorSettings
from schemas.errors import SettingsError

APPLICATION_NAME = "rowferry-operator"


@contextmanager
def database(settings: OperatorSettings) -> Iterator[Connection]:
    """An ordinary connection in autocommit, closed at the end.

    Raises `SettingsError` without `database_url`, else as `cdc_reader.postgres.connections.connect`.
    """
    url = settings.secret("database_url")
    if not url:
        raise SettingsError(
            "database_url: expected a URL like 'postgresql://user@host/database', got nothing",
            remedy="give --database-url, ROWFERRY_DATABASE_URL or database_url in the settings file",
        )
    with closing(connect(url, application_name=APPLICATION_NAME)) as connection:
        yield connection
