"""
A password in an address that is wrong is printed by no command: the address is refused in words that repeat nothing.

Each case is what people type: a scheme misspelt, a character not encoded, a word in the wrong place.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import structlog
from psycopg.conninfo import conninfo_to_dict

import cdc_reader.cli
import file_fetcher.cli
import rowferry.cli
import vespa_sink.cli
from cdc_reader.postgres.connections import connect
from cdc_reader.postgres.replication import ReplicationStream
from cdc_runtime.settings.addresses import check_database_url
from schemas.errors import SettingsError

PASSWORD = "h4nter2secret"
COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "cdc-reader": cdc_reader.cli.main,
    "file-fetcher": file_fetcher.cli.main,
    "rowferry": rowferry.cli.main,
    "vespa-sink": vespa_sink.cli.main,
}
DATABASE_URLS = {
    "scheme misspelt": f"postgresq://u:{PASSWORD}@localhost/db",
    "scheme of JDBC": f"jdbc:postgresql://localhost/db?user=u&password={PASSWORD}",
    "scheme of another server": f"mysql://u:{PASSWORD}@localhost/db",
    "scheme with one slash": f"postgresql:/u:{PASSWORD}@localhost/db",
    "at sign": f"postgresql://u:p@{PASSWORD}@localhost/db",
    "slash": f"postgresql://u:p/{PASSWORD}@localhost/db",
    "slash behind digits": f"postgresql://u:12/{PASSWORD}@localhost/db",
    "question mark behind a slash": f"postgresql://u:12/p?{PASSWORD}@localhost/db",
    "per cent": f"postgresql://u:%zz{PASSWORD}@localhost/db",
    "null byte": f"postgresql://u:%00{PASSWORD}@localhost/db",
    "bracket": f"postgresql://u:p@[{PASSWORD}/db",
    "no host": f"postgresql://u:{PASSWORD}",
    "space in a pair": f"host=localhost password=my {PASSWORD}",
    "quote in a pair": f"host=localhost password='it's {PASSWORD}'",
    "word only": PASSWORD,
}
SERVER_URLS = {
    "scheme misspelt": f"htp://u:{PASSWORD}@localhost",
    "user and password": f"http://u:{PASSWORD}@localhost:8080",
    "no host": f"http://u:{PASSWORD}",
    "at sign": f"http://u:p@{PASSWORD}@localhost",
    "slash": f"http://u:p/{PASSWORD}@localhost",
    "query": f"http://localhost?token={PASSWORD}",
}
BROKERS = {
    "user and password": f"u:{PASSWORD}@localhost:9092",
    "URL": f"SASL_SSL://u:{PASSWORD}@localhost:9092",
    "second of two": f"localhost:9092,u:{PASSWORD}@localhost:9093",
    "no port": f"localhost:{PASSWORD}",
}
STORES = {
    "user and password": f"s3://key:{PASSWORD}@bucket/prefix",
    "one slash": f"s3:/key:{PASSWORD}@bucket",
    "another scheme": f"gs://key:{PASSWORD}@bucket",
    "query": f"s3://bucket/prefix?secret={PASSWORD}",
}
SETTINGS = {
    ("cdc-reader", "run", "database_url"): DATABASE_URLS,
    ("cdc-reader", "reset", "database_url"): DATABASE_URLS,
    ("rowferry", "doctor", "database_url"): DATABASE_URLS,
    ("vespa-sink", "run", "vespa.url"): SERVER_URLS,
    ("vespa-sink", "check", "vespa.url"): SERVER_URLS,
    ("vespa-sink", "run", "vespa.query_url"): SERVER_URLS,
    ("rowferry", "status", "vespa.url"): SERVER_URLS,
    ("rowferry", "reconcile", "vespa.query_url"): SERVER_URLS,
    ("file-fetcher", "run", "s3.endpoint_url"): SERVER_URLS,
    ("file-fetcher", "run", "s3.endpoint_of"): {name: f"photos={url}" for name, url in SERVER_URLS.items()},
    ("file-fetcher", "run", "google.export_url"): SERVER_URLS,
    ("rowferry", "doctor", "s3.endpoint_url"): SERVER_URLS,
    ("file-fetcher", "run", "store_url"): STORES,
    ("rowferry", "doctor", "store_url"): STORES,
    ("cdc-reader", "run", "kafka.bootstrap_servers"): BROKERS,
    ("vespa-sink", "run", "kafka.bootstrap_servers"): BROKERS,
    ("rowferry", "status", "kafka.bootstrap_servers"): BROKERS,
}
WRONG = {
    f"{command} {verb}, {name}: {kind}": (command, verb, name, address)
    for (command, verb, name), addresses in SETTINGS.items()
    for kind, address in addresses.items()
}
MISPLACED = {
    "verb of a service": ("cdc-reader", [DATABASE_URLS["scheme misspelt"]]),
    "argument of a service": ("cdc-reader", ["run", DATABASE_URLS["scheme misspelt"]]),
    "command of the operator": ("rowferry", [f"postgresql://u:{PASSWORD}@localhost/db", "doctor"]),
    "argument of the operator": ("rowferry", ["doctor", f"postgresql://u:{PASSWORD}@localhost/db"]),
    "choice of the operator": ("rowferry", ["discover", "--format", f"postgresql://u:{PASSWORD}@localhost/db"]),
    "flag of deploy": ("vespa-sink", ["deploy", ".", f"--config-serve=http://u:{PASSWORD}@localhost"]),
    "number of deploy": ("vespa-sink", ["deploy", ".", f"--wait=http://u:{PASSWORD}@localhost"]),
    "flag of a service": ("vespa-sink", ["run", f"--vespa.ulr=http://u:{PASSWORD}@localhost"]),
}


@pytest.fixture(autouse=True)
def _process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No settings from outside; logs and signals as they were."""
    monkeypatch.setenv("ROWFERRY_DATABASE_URL", "")
    monkeypatch.delenv("ROWFERRY_CONFIG_FILE", raising=False)
    handlers = logging.getLogger().handlers[:]
    signals = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    structlog.reset_defaults()
    yield
    logging.getLogger().handlers[:] = handlers
    structlog.reset_defaults()
    for number, handler in signals.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("command", "verb", "name", "address"), WRONG.values(), ids=WRONG)
def test_a_wrong_address_is_78_by_the_name_of_its_setting(
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    command: str,
    verb: str,
    name: str,
    address: str,
) -> None:
    assert COMMANDS[command]([verb, f"--{name.replace('_', '-')}={address}"]) == 78
    out, err = capfd.readouterr()
    assert f"{name}: expected " in err
    assert PASSWORD not in out + err + caplog.text


@pytest.mark.parametrize(("command", "arguments"), MISPLACED.values(), ids=MISPLACED)
def test_an_address_in_the_wrong_place_is_64(
    capfd: pytest.CaptureFixture[str], command: str, arguments: list[str]
) -> None:
    assert COMMANDS[command](arguments) == 64
    assert PASSWORD not in "".join(capfd.readouterr())


@pytest.mark.parametrize("url", SERVER_URLS.values(), ids=SERVER_URLS)
def test_a_wrong_config_server_is_78(capfd: pytest.CaptureFixture[str], tmp_path: Path, url: str) -> None:
    assert vespa_sink.cli.main(["deploy", str(tmp_path), f"--config-server={url}"]) == 78
    out, err = capfd.readouterr()
    assert "--config-server: expected " in err
    assert PASSWORD not in out + err


@pytest.mark.parametrize("entry", [f"http://u:{PASSWORD}@files.example.com", f"x {PASSWORD}"])
def test_a_wrong_host_of_links_is_78(capfd: pytest.CaptureFixture[str], tmp_path: Path, entry: str) -> None:
    flags = ["--urls.hosts", "a.example.com", entry, "--data-directory", str(tmp_path), "--http.port", "0"]
    assert file_fetcher.cli.main(["run", *flags]) == 78
    out, err = capfd.readouterr()
    assert "urls.hosts: expected " in err
    assert "entry 2" in err
    assert PASSWORD not in out + err


@pytest.mark.parametrize(
    "url", [*DATABASE_URLS.values(), f"host=localhost {PASSWORD}=x", f"postgresql://localhost/db?{PASSWORD}=x"]
)
def test_a_secret_file_that_was_changed_for_the_worse_is_78_at_the_next_connect(url: str) -> None:
    for attempt in (
        lambda: connect(url, application_name="test"),
        lambda: ReplicationStream(url, application_name="test", status_interval_s=1),
    ):
        with pytest.raises(SettingsError) as caught:
            attempt()
        assert str(caught.value).startswith("database_url: expected ")
        assert PASSWORD not in str(caught.value) + (caught.value.remedy or "")
        assert caught.value.__suppress_context__


RIGHT = [
    "",
    "postgresql://",
    "postgresql://localhost",
    "postgres://u@localhost:5432/db",
    "postgresql://u:p%40ss%2Fword@localhost:5432/my%20db?sslmode=require&connect_timeout=10",
    "postgresql://u:a:b!$&*(),;=+~_-.'\"<>|^{}@localhost/db",
    "postgresql://u:p?q#r@localhost/db",
    "postgresql://u@[::1]:5432/db",
    "postgresql://u@one:1,two:2/db?target_session_attrs=read-write",
    "postgresql://u@%2Fvar%2Frun%2Fpostgresql/db",
    "postgresql:///db?host=/var/run/postgresql&password=x",
    "host=localhost port=5432 dbname=db user=u password='it\\'s a word' sslmode=require",
    "host = localhost password = p@ss://x/y=z  user=''",
    "host=localhost password=",
]


@pytest.mark.parametrize("url", RIGHT)
def test_what_libpq_reads_is_taken(url: str) -> None:
    conninfo_to_dict(url)
    assert check_database_url(url) == url
