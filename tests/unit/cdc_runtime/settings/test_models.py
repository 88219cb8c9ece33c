"""Where settings come from, which source wins, and what is said when they are wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field, SecretStr, ValidationError

from cdc_runtime.settings.models import HttpSettings, KafkaSettings, LogSettings, ServiceSettings, SettingsGroup, load
from cdc_runtime.settings.problems import Expected
from cdc_runtime.settings.product_names import PRODUCT_SETTINGS
from schemas.errors import SettingsError, UsageError

SECRET = "hunter2-do-not-print"


class VespaGroup(SettingsGroup):
    url: str = Field("http://localhost:8080", description="Where Vespa answers.")
    connections: int = Field(4, ge=1, le=64, description="Connections at the start.")


class SampleSettings(ServiceSettings):
    """Settings of a sample service."""

    database_url: SecretStr = Field(description="The database.")
    vespa: VespaGroup = Field(default_factory=VespaGroup, description="Vespa.")
    tables: list[str] = Field(default_factory=list, description="Tables to take.")
    create_slot: bool = Field(True, description="Create the slot.")
    ratio: float = Field(0.5, gt=0, le=1, description="A ratio.")
    slot: Annotated[str, Expected("a slot name of lower-case letters")] = Field(
        "rowferry", pattern="^[a-z]+$", description="The slot."
    )


def sample(argv=(), environ=None, **more):
    return load(
        SampleSettings, list(argv), environ={"ROWFERRY_DATABASE_URL": "postgresql://db"} | (environ or {}), **more
    )


def problems(argv=(), environ=None, **more):
    with pytest.raises(SettingsError) as caught:
        load(SampleSettings, list(argv), environ=environ or {}, **more)
    return str(caught.value).splitlines()


@pytest.fixture
def config(tmp_path: Path):
    path = tmp_path / "rowferry.yaml"

    def write(text: str) -> dict[str, str]:
        path.write_text(text, encoding="utf-8")
        return {"ROWFERRY_CONFIG_FILE": str(path)}

    return write


@pytest.fixture
def secrets(tmp_path: Path):
    directory = tmp_path / "secrets"
    directory.mkdir()

    def write(name: str, text: str) -> dict[str, str]:
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return {"ROWFERRY_SECRETS_DIR": str(directory)}

    return write


# -- sources and precedence


def test_defaults_hold_where_no_source_speaks():
    settings = sample()
    assert settings.kafka == KafkaSettings()
    assert settings.log == LogSettings()
    assert settings.http == HttpSettings()
    assert (settings.start_timeout_s, settings.stop_timeout_s) == (60, 60)
    assert settings.kafka.bootstrap_servers == "localhost:9092"
    assert settings.kafka.prefix == "cdc"
    assert settings.vespa.url == "http://localhost:8080"


def test_flags_win_over_environment_over_secret_files_over_yaml(config, secrets):
    environ = config("kafka:\n  prefix: yaml\n  partitions: 9\n  bootstrap_servers: yaml:1\n  sasl_password: yaml\n")
    environ |= secrets("kafka__sasl_password", "file\n")
    (Path(environ["ROWFERRY_SECRETS_DIR"]) / "kafka__bootstrap_servers").write_text("file:1\n")
    environ |= {"ROWFERRY_KAFKA__PREFIX": "environment", "ROWFERRY_KAFKA__PARTITIONS": "7"}
    settings = sample(["--kafka.prefix", "flag"], environ)
    assert settings.kafka.prefix == "flag"
    assert settings.kafka.partitions == 7
    assert settings.kafka.sasl_password == SecretStr("file")
    assert settings.kafka.bootstrap_servers == "file:1"


def test_each_setting_remembers_its_origin(config):
    environ = config("log:\n  format: json\n") | {"ROWFERRY_KAFKA__PARTITIONS": "7"}
    settings = sample(["--stop-timeout-s", "5"], environ)
    assert settings.origin("log.format") == "rowferry.yaml:2"
    assert settings.origin("kafka.partitions") == "environment ROWFERRY_KAFKA__PARTITIONS"
    assert settings.origin("stop_timeout_s") == "flag --stop-timeout-s"
    assert settings.origin("log.level") == "default"


def test_config_file_and_secrets_directory_can_be_flags(config, secrets):
    file = config("kafka: {prefix: one}")["ROWFERRY_CONFIG_FILE"]
    directory = secrets("kafka.sasl_password", "two")["ROWFERRY_SECRETS_DIR"]
    settings = sample(["--config", file, "--secrets-dir", directory])
    assert settings.kafka.prefix == "one"
    assert settings.kafka.secret("sasl_password") == "two"


def test_secret_files_may_lie_in_folders_and_hidden_ones_are_passed_over(secrets):
    environ = secrets("kafka/sasl_password", "deep")
    secrets("..data/other", "kubernetes")
    assert sample((), environ).kafka.secret("sasl_password") == "deep"


def test_a_secret_file_is_read_again_at_each_call(secrets):
    directory = secrets("database_url", "postgresql://old\n")
    settings = load(SampleSettings, [], environ=directory)
    reader = settings.secret_reader("database_url")
    assert reader() == "postgresql://old"
    secrets("database_url", "postgresql://new\n")
    assert reader() == "postgresql://new"
    assert settings.secret("database_url") == "postgresql://new"


def test_a_secret_that_did_not_come_from_a_file_is_constant():
    assert sample().secret_reader("database_url")() == "postgresql://db"
    assert sample().secret_reader("kafka.sasl_password")() is None


@pytest.mark.parametrize(
    ("variable", "read"),
    [
        ("PROCORE_DATABASE_URL", lambda s: s.secret("database_url")),
        ("VESPA_LOCAL_URL", lambda s: s.vespa.url),
    ],
)
def test_legacy_names_keep_working_below_the_new_ones(variable, read):
    new = {"PROCORE_DATABASE_URL": "ROWFERRY_DATABASE_URL", "VESPA_LOCAL_URL": "ROWFERRY_VESPA__URL"}[variable]
    base = {"PROCORE_DATABASE_URL": "x"}
    assert read(load(SampleSettings, [], environ=base | {variable: "old"})) == "old"
    assert read(load(SampleSettings, [], environ=base | {variable: "old", new: "new"})) == "new"


def test_legacy_log_level_is_read_in_any_case_and_wins_over_the_file(config):
    environ = config("log: {level: ERROR}") | {"LOG_LEVEL": "debug"}
    assert sample((), environ).log.level == "DEBUG"
    assert sample((), environ | {"ROWFERRY_LOG__LEVEL": "warn"}).log.level == "WARNING"


def test_an_empty_variable_counts_as_not_set():
    assert sample((), {"ROWFERRY_KAFKA__PREFIX": "", "LOG_LEVEL": ""}).kafka.prefix == "cdc"


@pytest.mark.parametrize(
    "argv",
    [["--tables", "a", "b"], ["--tables", "a,b"], ["--tables=a,b"], ["--tables", '["a", "b"]']],
    ids=["words", "commas", "equals", "json"],
)
def test_lists_are_read_from_words_commas_and_json(argv):
    assert sample(argv).tables == ["a", "b"]


def test_a_list_in_yaml_is_taken_as_it_stands(config):
    assert sample((), config('tables: ["a,b", c]')).tables == ["a,b", "c"]


@pytest.mark.parametrize(
    "text",
    ["security.protocol=SSL, socket.timeout.ms=100", '{"security.protocol": "SSL", "socket.timeout.ms": 100}'],
    ids=["pairs", "json"],
)
def test_mappings_are_read_from_pairs_and_json(text):
    expected = {"security.protocol": "SSL", "socket.timeout.ms": "100"}
    assert sample((), {"ROWFERRY_KAFKA__CLIENT": text}).kafka.client == expected
    assert sample(["--kafka.client", text]).kafka.client == expected


def test_client_options_in_yaml_may_be_numbers_and_booleans(config):
    environ = config("kafka:\n  client:\n    socket.timeout.ms: 100\n    socket.keepalive.enable: true\n")
    assert sample((), environ).kafka.client == {"socket.timeout.ms": "100", "socket.keepalive.enable": "true"}


@pytest.mark.parametrize(
    ("argv", "value"),
    [(["--create-slot"], True), (["--create-slot", "false"], False), (["--create-slot=no"], False)],
)
def test_boolean_flags_stand_alone_or_take_a_value(argv, value):
    assert sample(argv, {"ROWFERRY_CREATE_SLOT": "true"}).create_slot is value


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        sample().kafka.partitions = 5


def test_a_model_made_directly_reads_no_source(monkeypatch):
    monkeypatch.setenv("ROWFERRY_START_TIMEOUT_S", "5")
    assert ServiceSettings().start_timeout_s == 60


def test_one_environment_serves_several_services(config):
    product = PRODUCT_SETTINGS | {"sink.workers", "slots", "weights"}
    environ = config("sink:\n  workers: 4\nslots: [a]\nweights:\n  a: 1\nkafka:\n") | {"ROWFERRY_SINK__WORKERS": "5"}
    assert sample((), environ, product=product).kafka.prefix == "cdc"


# -- what is wrong is said once, by name and origin, without the value


@pytest.mark.parametrize(
    ("argv", "environ", "line"),
    [
        (
            [],
            {"ROWFERRY_KAFKA__PARTITIONS": "many"},
            "kafka.partitions: expected a whole number from 1 to 1000, got a string"
            " (from environment ROWFERRY_KAFKA__PARTITIONS)",
        ),
        (
            [],
            {"ROWFERRY_KAFKA__PARTITIONS": "1001"},
            "kafka.partitions: expected a whole number from 1 to 1000, got a larger number"
            " (from environment ROWFERRY_KAFKA__PARTITIONS)",
        ),
        (
            ["--ratio", "0"],
            {},
            "ratio: expected a number above 0 and up to 1, got a smaller number (from flag --ratio)",
        ),
        (
            ["--log.level", "LOUD"],
            {},
            "log.level: expected one of DEBUG, INFO, WARNING, ERROR, got something else (from flag --log.level)",
        ),
        (
            ["--create-slot", "perhaps"],
            {},
            "create_slot: expected true or false, got a string (from flag --create-slot)",
        ),
        (
            ["--slot", "Not A Slot"],
            {},
            "slot: expected a slot name of lower-case letters, got another text (from flag --slot)",
        ),
        (
            ["--kafka.bootstrap-servers", ""],
            {},
            "kafka.bootstrap_servers: expected 'host:port', separated by commas, without user and password,"
            " got something else"
            " (from flag --kafka.bootstrap-servers)",
        ),
        (
            [],
            {"ROWFERRY_KAFKA__CLIENT": "no pairs"},
            "kafka.client: expected a mapping of names to values, got a string"
            " (from environment ROWFERRY_KAFKA__CLIENT)",
        ),
        (
            [],
            {"ROWFERRY_KAFKA__CLIENT": "acks=0"},
            "kafka.client: the service sets acks itself: remove it (from environment ROWFERRY_KAFKA__CLIENT)",
        ),
        (
            [],
            {"ROWFERRY_KAFKA__PARTITONS": "3"},
            "kafka.partitons: expected a known setting, did you mean kafka.partitions?"
            " (from environment ROWFERRY_KAFKA__PARTITONS)",
        ),
        (
            [],
            {"ROWFERRY_QQQ": "3"},
            "qqq: expected a known setting (from environment ROWFERRY_QQQ)",
        ),
    ],
)
def test_a_wrong_setting_is_one_line_with_name_and_origin(argv, environ, line):
    assert problems(argv, {"ROWFERRY_DATABASE_URL": "x"} | environ) == [line]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "kafka:\n  partitions: many\n",
            "kafka.partitions: expected a whole number from 1 to 1000, got a string (from rowferry.yaml:2)",
        ),
        ("kafka: 5\n", "kafka: expected a group of settings, got a number (from rowferry.yaml:1)"),
        (
            "kafka:\n  prefx: x\n",
            "kafka.prefx: expected a known setting, did you mean kafka.prefix? (from rowferry.yaml:2)",
        ),
        (
            "kafak:\n  prefix: x\n",
            "kafak.prefix: expected a known setting, did you mean kafka.prefix? (from rowferry.yaml:2)",
        ),
        ("tables: {a: 1}\n", "tables: expected a list of texts, got a mapping (from rowferry.yaml:1)"),
        (
            "log:\n  level: [x]\n",
            "log.level: expected one of DEBUG, INFO, WARNING, ERROR, got something else (from rowferry.yaml:2)",
        ),
        ("tables: a\ntables: b\n", "tables: expected once, got twice (from rowferry.yaml:2)"),
        ("- a\n", "expected a mapping of settings in rowferry.yaml, got something else at line 1"),
        ("a: [\n", "expected YAML in rowferry.yaml, got something else at line 2, column 1"),
        ("tables: !!python/object:os.system []\n", "tables: expected a plain YAML value (from rowferry.yaml:1)"),
    ],
)
def test_a_wrong_line_of_the_file_is_named(config, text, line):
    assert problems((), config(text) | {"ROWFERRY_DATABASE_URL": "x"}) == [line]


def test_a_missing_setting_says_how_to_set_it():
    assert problems() == [
        "database_url: expected a secret text, got nothing (set ROWFERRY_DATABASE_URL or --database-url)"
    ]


def test_all_problems_come_at_once(config):
    environ = config("kafka:\n  partitions: x\n  prefx: y\n") | {"ROWFERRY_RATIO": "z"}
    assert [line.split(":")[0] for line in problems(["--log.level", "q"], environ)] == [
        "kafka.prefx",
        "log.level",
        "kafka.partitions",
        "database_url",
        "ratio",
    ]


def test_a_mistyped_secret_is_never_repeated(config, secrets):
    environ = config(
        f"kafka:\n  sasl_pasword: {SECRET}\n  partitions: {SECRET}\n  sasl_password: [{SECRET}]\n"
        f"vespa: {SECRET}\nlog: {{level: {SECRET}}}\n"
    )
    environ |= secrets("kafka__sasl_passwd", SECRET)
    environ |= {"ROWFERRY_PASSWORD": SECRET, "ROWFERRY_KAFKA__CLIENT": f"sasl.password {SECRET}"}
    lines = problems(["--ratio", SECRET, "--slot", SECRET, "--create-slot", SECRET], environ)
    assert len(lines) >= 9
    assert SECRET not in "\n".join(lines)


def test_a_secret_in_a_broken_file_is_never_repeated(config):
    assert SECRET not in "\n".join(problems((), config(f"kafka:\n  sasl_password: {SECRET}: x: [\n")))


def test_secrets_do_not_show_in_the_model():
    settings = sample((), {"ROWFERRY_DATABASE_URL": SECRET, "ROWFERRY_KAFKA__SASL_PASSWORD": SECRET})
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings.model_dump())


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--kafka.prefx", "x"], "expected a known flag, got '--kafka.prefx', did you mean --kafka.prefix?"),
        (["--zzzzzz=1"], "expected a known flag, got '--zzzzzz'"),
        (["word"], "expected flags only, got an argument at place 1"),
        (["--ratio"], "argument --ratio: expected one argument"),
    ],
)
def test_a_wrong_flag_is_a_usage_error(argv, message):
    with pytest.raises(UsageError) as caught:
        sample(argv)
    assert str(caught.value) == message
    assert caught.value.exit_code == 64


def test_a_missing_file_is_a_settings_error(tmp_path):
    missing = str(tmp_path / "none.yaml")
    assert problems(["--config", missing]) == [
        f"expected a readable UTF-8 file of settings at {missing!r}, got no such file or directory"
    ]
    assert problems(["--secrets-dir", missing]) == [f"expected a directory of secret files at {missing!r}, got none"]


def test_help_names_every_flag(capsys):
    with pytest.raises(SystemExit) as caught:
        load(SampleSettings, ["--help"], prog="sample run", environ={})
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    assert "sample run" in shown
    assert "--kafka.bootstrap-servers" in shown
    assert "--create-slot" in shown
