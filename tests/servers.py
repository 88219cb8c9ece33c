"""
The servers that tests run on: each named by an option, or in a container, or started by devstack.

One pool belongs to a whole run. It lives in the process that was started (with pytest-xdist: the
controller), starts a server when a test first asks for it, and ends it with the run, however that
ends. Workers ask the pool over a local socket.
"""

from __future__ import annotations

import secrets
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Listener
from typing import Protocol
from urllib.parse import unquote, urlsplit

from devstack import health, kafka, postgres, postgres_programs, s3, vespa
from devstack.errors import DevstackError
from devstack.sample.objects.cached import preload, upload
from devstack.server import Server
from tests import containers
from tests.databases import has_contrib, load_sample

KINDS = ("postgres", "kafka", "vespa", "s3")

# The bucket with the sample's objects on devstack's server.
_OBJECTS = "sample-objects"
_CHECKS: dict[str, Callable[[str], str | None]] = {
    "postgres": health.postgres,
    "kafka": health.kafka,
    "vespa": health.vespa,
    "s3": lambda address: health.s3(S3Address.parse(address).endpoint_url),
}
_OPTIONS = {"postgres": "--postgres-dsn", "kafka": "--kafka", "vespa": "--vespa", "s3": "--s3"}


class NoServer(Exception):
    """A server cannot be had: the run is of no use."""


class Closable(Protocol):
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Choices:
    """What the options of the run say: addresses by kind, containers or not, PostgreSQL's version."""

    named: dict[str, str] = field(default_factory=dict)
    containers: bool = False
    postgres_version: int = postgres.DEFAULT_VERSION
    postgres_origin: str | None = None

    def check(self) -> None:
        """Raise NoServer when a named server does not answer, or containers cannot be had."""
        for kind, addresses in self.named.items():
            reasons = [_CHECKS[kind](address) for address in _each(kind, addresses)]
            if (reason := next(filter(None, reasons), None)) is not None:
                raise NoServer(f"the server named by {_OPTIONS[kind]} does not answer: {reason}")
        if self.containers and (reason := containers.missing()) is not None:
            raise NoServer(f"--containers needs Docker: {reason}")


@dataclass(frozen=True, slots=True)
class VespaAddress:
    """Where Vespa takes documents and where it searches: one URL, or two where its containers are two."""

    url: str
    search_url: str

    @classmethod
    def parse(cls, text: str) -> VespaAddress:
        """One URL for both, or two with a comma between them."""
        documents, _, search = text.partition(",")
        return cls(documents.rstrip("/"), (search or documents).rstrip("/"))


@dataclass(frozen=True, slots=True)
class S3Address:
    """An S3 server with buckets in its path, and credentials that may do everything there."""

    endpoint_url: str
    access_key_id: str = s3.ACCESS_KEY_ID
    secret_access_key: str = s3.SECRET_ACCESS_KEY
    region: str = s3.REGION

    @classmethod
    def parse(cls, text: str) -> S3Address:
        """`http://host:port`, or with other credentials than devstack's `http://key:secret@host:port`."""
        parts = urlsplit(text)
        if parts.username is None:
            return cls(text.rstrip("/"))
        place = parts._replace(netloc=parts.netloc.rpartition("@")[2])
        return cls(place.geturl().rstrip("/"), unquote(parts.username), unquote(parts.password or ""))

    def client(self):
        """A new boto3 client; its methods are S3's."""
        return s3.client(self.endpoint_url, self.access_key_id, self.secret_access_key)


class Bucket:
    """A bucket with a name of its own, empty at first; it goes with all that is in it."""

    def __init__(self, server: S3Address) -> None:
        self.client = server.client()
        self.name = f"t{secrets.token_hex(6)}"
        self.client.create_bucket(Bucket=self.name)

    def close(self) -> None:
        """Remove it with its objects and their versions."""
        for page in self.client.get_paginator("list_object_versions").paginate(Bucket=self.name):
            entries = (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
            named = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in entries]
            if named:
                self.client.delete_objects(Bucket=self.name, Delete={"Objects": named, "Quiet": True})
        self.client.delete_bucket(Bucket=self.name)
        self.client.close()


class Pool:
    """The servers of this run, each started at its first use. May be used by several threads."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices
        self._locks = {kind: threading.Lock() for kind in (*KINDS, "contrib", "wal2json", "sample", "objects")}
        self._addresses: dict[str, str] = {}
        self._running: list[Closable] = []

    def address(self, kind: str) -> str:
        """
        The address of the server; for ``sample`` the name of the template database, for ``objects`` that of the bucket.

        ``contrib`` and ``wal2json`` are PostgreSQL servers with these: the run's own, where that has them.
        May raise NoServer.
        """
        with self._locks[kind]:
            if kind not in self._addresses:
                try:
                    self._addresses[kind] = self._start(kind)
                except DevstackError as exc:
                    raise NoServer(str(exc)) from exc
            return self._addresses[kind]

    def close(self) -> None:
        """End all that was started, the last first."""
        while self._running:
            self._running.pop().close()

    def _start(self, kind: str) -> str:
        if kind == "sample":
            template = load_sample(self.address("postgres"))
            self._running.append(template)
            return template.name
        if kind == "objects":
            return self._objects(self.address("s3"))
        if kind in ("contrib", "wal2json"):
            return self._extended(kind)
        if kind in self._choices.named:
            return self._choices.named[kind]
        # S3 has no container here: devstack's needs nothing but Python.
        contained = self._choices.containers and kind != "s3"
        server = self._container(kind) if contained else self._devstack(kind)
        self._running.append(server)
        return server.address

    def _extended(self, kind: str) -> str:
        version, origin = self._choices.postgres_version, self._choices.postgres_origin
        if kind == "wal2json":
            theirs = (postgres_programs.WAL2JSON_VERSION, postgres_programs.WAL2JSON_ORIGIN)
            own = theirs == (version, origin) and "postgres" not in self._choices.named
        else:
            theirs = (version, postgres_programs.contrib_origin(version))
            own = has_contrib(self.address("postgres"))
        if own:
            return self.address("postgres")
        server = postgres.start(version=theirs[0], origin=theirs[1], say=tell)
        self._running.append(server)
        return server.address

    def _objects(self, address: str) -> str:
        """The bucket with the sample's objects: devstack's server has it from the start."""
        if "s3" not in self._choices.named:
            return _OBJECTS
        bucket = Bucket(S3Address.parse(address))
        self._running.append(bucket)
        upload(bucket.client, bucket.name)
        return bucket.name

    def _container(self, kind: str) -> containers.Container:
        if kind == "postgres":
            return containers.postgres(self._choices.postgres_version)
        return containers.kafka() if kind == "kafka" else containers.vespa()

    def _devstack(self, kind: str) -> Server:
        if kind == "postgres":
            version, origin = self._choices.postgres_version, self._choices.postgres_origin
            return postgres.start(version=version, origin=origin, say=tell)
        if kind == "s3":
            return s3.start(preload=preload(_OBJECTS), say=tell)
        return kafka.start(say=tell) if kind == "kafka" else vespa.start(say=tell)


class Desk:
    """Lets other processes of the run ask the pool; one thread a question, so that servers start at once."""

    def __init__(self, pool: Pool) -> None:
        self.key = secrets.token_bytes(16)
        self._pool = pool
        # An abstract socket: no file, so none is left behind.
        self.address = f"\0rowferry-tests-{secrets.token_hex(8)}"
        self._listener = Listener(self.address, family="AF_UNIX", authkey=self.key)
        threading.Thread(target=self._serve, daemon=True, name="servers").start()

    def close(self) -> None:
        """Take no more questions."""
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection = self._listener.accept()
            except (AuthenticationError, EOFError):
                continue  # a worker that ended meanwhile, or somebody else
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection) -> None:
        with connection:
            try:
                connection.send((True, self._pool.address(connection.recv())))
            except NoServer as exc:
                connection.send((False, str(exc)))
            except EOFError:
                return


class DeskClient:
    """A worker's view of the pool."""

    def __init__(self, address: str, key: bytes) -> None:
        self._address = address
        self._key = key

    def address(self, kind: str) -> str:
        """As `Pool.address`."""
        with Client(self._address, family="AF_UNIX", authkey=self._key) as connection:
            connection.send(kind)
            found, text = connection.recv()
        if not found:
            raise NoServer(text)
        return str(text)


def _each(kind: str, addresses: str) -> list[str]:
    if kind != "vespa":
        return [addresses]
    parsed = VespaAddress.parse(addresses)
    return [parsed.url, parsed.search_url]


def tell(line: str) -> None:
    """Show a line of progress, past pytest's capture."""
    print(line, file=sys.__stderr__, flush=True)
