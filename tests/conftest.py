"""
Options and fixtures that give tests their servers; see `tests.servers`.

Shared servers are started once a run, and each test keeps to its own part of them (``database``,
``topic_prefix``, ``vespa_namespace``, ``s3_bucket``). A test that kills, stops or reconfigures a server takes a
server of its own (``own_postgres``, ``own_kafka``, ``own_vespa``, ``own_s3``): always devstack's.

A test of an extension that ships with PostgreSQL takes ``contrib_database``, one of wal2json ``wal2json_database``.
"""

from __future__ import annotations

import ctypes
import functools
import logging
import os
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import hypothesis
import pytest
from confluent_kafka.admin import AdminClient

from cdc_runtime.bounded_calls import CALLS
from cdc_runtime.unreadable import UNREADABLE, UnreadableRecords
from devstack import kafka as devstack_kafka
from devstack import postgres as devstack_postgres
from devstack import postgres_programs
from devstack import s3 as devstack_s3
from devstack import vespa as devstack_vespa
from devstack.kafka import KafkaServer
from devstack.postgres import PostgresServer
from devstack.s3 import S3Server
from devstack.sample.objects.links import ObjectStore
from devstack.vespa import VespaServer
from tests import databases
from tests.databases import Database
from tests.nursery import NURSERY
from tests.servers import Bucket, Choices, Desk, DeskClient, NoServer, Pool, S3Address, VespaAddress, tell
from tests.watchdog import Watchdog

_OPTIONS = {"postgres": "postgres_dsn", "kafka": "kafka", "vespa": "vespa", "s3": "s3"}
_POOL = pytest.StashKey[Pool]()
_DESK = pytest.StashKey[Desk]()
_SOURCE = pytest.StashKey[Pool | DeskClient]()
# No test decides on a measured time: a loaded machine misses any.
hypothesis.settings.register_profile("rowferry", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("rowferry")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("servers", "servers (not named: devstack starts them)")
    group.addoption("--postgres-dsn", metavar="URL", help="superuser of a PostgreSQL with wal_level=logical")
    group.addoption("--kafka", metavar="HOST:PORT", help="bootstrap servers of a Kafka without topics of ours")
    group.addoption("--vespa", metavar="URL[,URL]", help="Vespa with deploy/vespa: documents, and search if elsewhere")
    group.addoption("--s3", metavar="URL", help="S3 endpoint, http://key:secret@host:port, that makes buckets")
    group.addoption("--containers", action="store_true", help="start those not named in Docker, by testcontainers")
    group.addoption(
        "--postgres-version",
        type=int,
        default=devstack_postgres.DEFAULT_VERSION,
        help="major version that is started (default %(default)s)",
    )
    group.addoption(
        "--postgres-origin", choices=postgres_programs.ORIGINS, help="where its programs come from (the first with it)"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Watchdog())
    if (worker := getattr(config, "workerinput", None)) is not None:
        config.stash[_SOURCE] = DeskClient(worker["servers_address"], worker["servers_key"])
        return
    named = {kind: getattr(config.option, name) for kind, name in _OPTIONS.items()}
    choices = Choices(
        {kind: address for kind, address in named.items() if address},
        containers=config.option.containers,
        postgres_version=config.option.postgres_version,
        postgres_origin=config.option.postgres_origin,
    )
    try:
        choices.check()
    except NoServer as exc:
        pytest.exit(str(exc), returncode=pytest.ExitCode.USAGE_ERROR)
    config.stash[_SOURCE] = config.stash[_POOL] = Pool(choices)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node) -> None:
    """Tell each worker where to ask for servers."""
    stash = node.config.stash
    if _DESK not in stash:
        stash[_DESK] = Desk(stash[_POOL])
    node.workerinput["servers_address"] = stash[_DESK].address
    node.workerinput["servers_key"] = stash[_DESK].key


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What an older server has not is not run on it; the reason is told."""
    for mark in item.iter_markers("since_postgres"):
        version, what = mark.args
        if item.config.option.postgres_version < version:
            pytest.skip(f"expected PostgreSQL {version} or newer for {what}")


def pytest_unconfigure(config: pytest.Config) -> None:
    NURSERY.close()
    if (desk := config.stash.get(_DESK, None)) is not None:
        desk.close()
    if (pool := config.stash.get(_POOL, None)) is not None:
        pool.close()


def _address(request: pytest.FixtureRequest, kind: str) -> str:
    try:
        return request.config.stash[_SOURCE].address(kind)
    except NoServer as exc:
        reason = str(exc)
    if hasattr(request.config, "workerinput"):
        request.session.shouldstop = reason
        pytest.fail(reason, pytrace=False)
    return pytest.exit(reason, returncode=pytest.ExitCode.INTERNAL_ERROR)


@pytest.fixture(autouse=True)
def _calls_of_the_process() -> Iterator[None]:
    """What a test leaves behind counts for that test alone; it is never freed, not at the interpreter's end either."""
    yield
    for client in CALLS._left:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(client))
    CALLS._left.clear()


@pytest.fixture(autouse=True)
def _unreadable_records_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whom a service or command has told of them, and which it has told of, is that test's alone."""
    fresh = UnreadableRecords()
    for name in ("tell", "count", "_told"):
        monkeypatch.setattr(UNREADABLE, name, getattr(fresh, name))


@pytest.fixture(scope="session")
def postgres_dsn(request: pytest.FixtureRequest) -> str:
    """The shared PostgreSQL, as its superuser; prefer ``database``."""
    return _address(request, "postgres")


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest) -> str:
    """Bootstrap servers of the shared Kafka; keep to ``topic_prefix``."""
    return _address(request, "kafka")


@pytest.fixture(scope="session")
def vespa(request: pytest.FixtureRequest) -> VespaAddress:
    """The shared Vespa (``url``, ``search_url``); keep to ``vespa_namespace``."""
    return VespaAddress.parse(_address(request, "vespa"))


@pytest.fixture(scope="session")
def s3(request: pytest.FixtureRequest) -> S3Address:
    """The shared S3 server (``endpoint_url``, ``access_key_id``, ``client()`` ...); keep to ``s3_bucket``."""
    return S3Address.parse(_address(request, "s3"))


@pytest.fixture
def database(postgres_dsn: str) -> Iterator[Database]:
    """An empty database on the shared PostgreSQL, dropped at the end with its slots and roles."""
    with databases.temporary(postgres_dsn) as fresh:
        yield fresh


@pytest.fixture
def contrib_database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """As ``database``, on a shared server that has PostgreSQL's own extensions: hstore, citext, ltree, postgres_fdw."""
    with databases.temporary(_address(request, "contrib")) as fresh:
        yield fresh


@pytest.fixture(scope="session")
def _wal2json() -> None:
    """Ends a test that needs wal2json where it cannot be had: as failed in CI, elsewhere as not run."""
    if (reason := postgres_programs.no_wal2json()) is not None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


@pytest.fixture
def wal2json_database(_wal2json: None, request: pytest.FixtureRequest) -> Iterator[Database]:
    """As ``database``, on a shared server that has wal2json: Debian's PostgreSQL 15."""
    with databases.temporary(_address(request, "wal2json")) as fresh:
        yield fresh


@pytest.fixture
def sample_database(request: pytest.FixtureRequest, postgres_dsn: str) -> Iterator[Database]:
    """A copy of the sample database (factor `databases.SAMPLE`), dropped at the end."""
    with databases.temporary(postgres_dsn, template=_address(request, "sample")) as copy:
        yield copy


@pytest.fixture
def topic_prefix(kafka: str) -> Iterator[str]:
    """A prefix that no other test uses; its topics are deleted at the end."""
    yield from _own_prefix(kafka)


@pytest.fixture
def other_topic_prefix(kafka: str) -> Iterator[str]:
    """One more, for a test of two pipelines."""
    yield from _own_prefix(kafka)


def _own_prefix(kafka: str) -> Iterator[str]:
    prefix = f"t{secrets.token_hex(6)}"
    yield prefix
    silent = logging.getLogger(f"{__name__}.silent")
    silent.disabled = True
    client = AdminClient({"bootstrap.servers": kafka, "log_level": 0}, logger=silent)
    topics = [name for name in client.list_topics(timeout=60).topics if name.startswith(f"{prefix}.")]
    if topics:
        for deletion in client.delete_topics(topics, operation_timeout=60).values():
            deletion.result()


@pytest.fixture
def vespa_namespace() -> str:
    """A namespace of document ids that no other test uses."""
    return f"t{secrets.token_hex(6)}"


@pytest.fixture
def s3_bucket(s3: S3Address) -> Iterator[str]:
    """The name of an empty bucket that no other test uses; it goes with its objects at the end."""
    bucket = Bucket(s3)
    yield bucket.name
    bucket.close()


@pytest.fixture
def sample_objects(request: pytest.FixtureRequest, s3: S3Address) -> ObjectStore:
    """
    The bucket with all objects that the sample's rows refer to; read from it only.

    `load(dsn, size, sample_objects)` loads rows whose links lead there, `cached.expectations(sample_objects)` says
    what must become of each reference.
    """
    bucket = _address(request, "objects")
    return ObjectStore(s3.endpoint_url, bucket, datetime.now(UTC), s3.access_key_id, s3.secret_access_key, s3.region)


@pytest.fixture(scope="session")
def start_postgres(request: pytest.FixtureRequest) -> Callable[..., PostgresServer]:
    """`devstack.postgres.start` with the run's version and origin; close what it returns."""
    option = request.config.option
    return functools.partial(
        devstack_postgres.start, version=option.postgres_version, origin=option.postgres_origin, say=tell
    )


@pytest.fixture
def own_postgres(start_postgres: Callable[..., PostgresServer]) -> Iterator[PostgresServer]:
    """A PostgreSQL of this test alone."""
    with start_postgres() as server:
        yield server


@pytest.fixture
def own_contrib_postgres(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """A PostgreSQL of this test alone, with the extensions of ``contrib_database``."""
    version = request.config.option.postgres_version
    with devstack_postgres.start(version=version, origin=postgres_programs.contrib_origin(version), say=tell) as server:
        yield server


@pytest.fixture
def own_wal2json_postgres(_wal2json: None) -> Iterator[PostgresServer]:
    """A PostgreSQL of this test alone, with wal2json."""
    version, origin = postgres_programs.WAL2JSON_VERSION, postgres_programs.WAL2JSON_ORIGIN
    with devstack_postgres.start(version=version, origin=origin, say=tell) as server:
        yield server


@pytest.fixture
def own_database(own_postgres: PostgresServer) -> Database:
    """A database on ``own_postgres``, which goes with the server."""
    return databases.create(own_postgres.dsn)


@pytest.fixture
def own_kafka() -> Iterator[KafkaServer]:
    """A Kafka of this test alone."""
    with devstack_kafka.start(say=tell) as server:
        yield server


@pytest.fixture
def own_vespa() -> Iterator[VespaServer]:
    """A Vespa of this test alone; it takes 4 s, so prefer ``faulty_vespa`` where that does."""
    with devstack_vespa.start(say=tell) as server:
        yield server


@pytest.fixture
def own_s3() -> Iterator[S3Server]:
    """An S3 server of this test alone."""
    with devstack_s3.start(say=tell) as server:
        yield server


@pytest.fixture(scope="session")
def _faulty_vespa() -> Iterator[VespaServer]:
    with devstack_vespa.start(say=tell) as server:
        yield server


@pytest.fixture
def faulty_vespa(_faulty_vespa: VespaServer) -> Iterator[VespaServer]:
    """A Vespa for tests that set faults, which are cleared at the end; documents of earlier tests are in it."""
    yield _faulty_vespa
    _faulty_vespa.clear_faults()
