"""Databases for tests: fresh ones, copies of the sample, and the roles that belong to them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from devstack.sample.load import load
from devstack.sample.rows import Size

SAMPLE = Size(seed=1, factor=0.02)


def encoded(encoding: str) -> str:
    """The options of a database with that encoding; its template is template0."""
    return f"ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'"


UNCHECKED = encoded("SQL_ASCII")  # of a database that checks no encoding


@dataclass(frozen=True, slots=True)
class Role:
    """A role that may log in to one database."""

    name: str
    password: str
    dsn: str


@dataclass(frozen=True, slots=True)
class Database:
    """A database of one test; ``dsn`` is that of a superuser."""

    name: str
    dsn: str
    server_dsn: str
    _roles: list[str] = field(default_factory=list)

    def connect(self) -> psycopg.Connection[TupleRow]:
        """A connection in autocommit mode; close it, or use it in a with statement."""
        return psycopg.connect(self.dsn, autocommit=True)

    def execute(self, query: str, parameters: Sequence[Any] | None = None) -> list[TupleRow]:
        """Run one statement, or several without parameters, in one transaction; the rows of the last, if any."""
        with psycopg.connect(self.dsn) as connection:
            cursor = connection.execute(query.encode(), parameters)
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description is not None else []

    def execute_bytes(self, statements: bytes) -> None:
        """Run statements of any bytes, as an old client does in a database that checks no encoding."""
        with psycopg.connect(self.dsn, autocommit=True, client_encoding="SQL_ASCII") as connection:
            connection.execute(statements)

    def create_role(self, options: str = "") -> Role:
        """A new role that may log in, with options like ``REPLICATION``; it goes with the database."""
        name, password = f"role_{secrets.token_hex(6)}", secrets.token_hex(12)
        query = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} {}")
        with self.connect() as connection:
            connection.execute(query.format(sql.Identifier(name), sql.Literal(password), sql.SQL(options)))
        self._roles.append(name)
        return Role(name, password, url(self.dsn, user=name, password=password))

    def close(self) -> None:
        """Drop it with its slots, its clients and its roles."""
        name = sql.Identifier(self.name)
        with psycopg.connect(self.server_dsn, autocommit=True) as connection:
            connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
            connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s", [self.name]
            )
            connection.execute(
                "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = %s", [self.name]
            )
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
            for role in self._roles:
                connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))


def create(server_dsn: str, template: str = "template1", prefix: str = "test", options: str = "") -> Database:
    """A new database with a name of its own, with options like ``ENCODING 'SQL_ASCII'``."""
    name = f"{prefix}_{secrets.token_hex(6)}"
    with psycopg.connect(server_dsn, autocommit=True) as connection:
        strategy = "STRATEGY file_copy" if connection.info.server_version >= 150000 else ""  # the only one before
        query = sql.SQL(f"CREATE DATABASE {{}} TEMPLATE {{}} {strategy} {options}")
        connection.execute(query.format(sql.Identifier(name), sql.Identifier(template)))
    return Database(name, url(server_dsn, dbname=name), server_dsn)


@contextmanager
def temporary(server_dsn: str, template: str = "template1", options: str = "") -> Iterator[Database]:
    """A new database that is dropped at the end."""
    database = create(server_dsn, template, options=options)
    try:
        yield database
    finally:
        database.close()


def load_sample(server_dsn: str) -> Database:
    """The template that sample databases are copied from."""
    database = create(server_dsn, prefix="sample")
    load(database.dsn, SAMPLE)
    return database


def has_contrib(server_dsn: str) -> bool:
    """Whether hstore, citext, ltree and postgres_fdw can be created there, and what else comes with them."""
    with psycopg.connect(server_dsn) as connection:
        found = connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'hstore'").fetchone()
    return found is not None


def url(dsn: str, **changes: str) -> str:
    """The connection URL with some parts changed: ``dbname``, ``user``, ``password``, ``host``, ``port``."""
    parts = {key: str(value) for key, value in conninfo_to_dict(dsn).items()} | changes
    place = f"{parts.pop('host', 'localhost')}:{parts.pop('port', '5432')}"
    who, database = f"{parts.pop('user', 'postgres')}:{parts.pop('password', '')}", parts.pop("dbname", "postgres")
    rest = "&".join(f"{key}={value}" for key, value in sorted(parts.items()))
    return f"postgresql://{who}@{place}/{database}" + (f"?{rest}" if rest else "")
