"""The `rowferry` command: usage, settings as flags, one line for each error."""

from __future__ import annotations

import pytest

from rowferry import cli
from rowferry.cli import main


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ROWFERRY_DATABASE_URL", "PROCORE_DATABASE_URL", "ROWFERRY_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)


USAGE = {
    "no command": ([], "the following arguments are required: COMMAND"),
    "unknown command": (["discovr"], "invalid choice: 'discovr'"),
    "unknown flag": (["status", "--slott", "x"], "expected a known flag, got '--slott', did you mean --slot?"),
    "unknown format": (["discover", "--format", "xml"], "invalid choice: 'xml'"),
    "no number": (["reconcile", "--wait", "long"], "invalid float value: 'long'"),
    "an argument too many": (["status", "all"], "expected flags only"),
}


@pytest.mark.parametrize(("arguments", "said"), USAGE.values(), ids=USAGE)
def test_wrong_usage_is_told_with_exit_64(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    assert main(arguments) == 64

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("rowferry: ")
    assert said in captured.err


@pytest.mark.parametrize("command", ["discover", "reconcile"])
def test_missing_address_is_told_with_its_remedy(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert main([command]) == 78

    assert capsys.readouterr().err == (
        "rowferry: database_url: expected a URL like 'postgresql://user@host/database', got nothing\n"
        "remedy: give --database-url, ROWFERRY_DATABASE_URL or database_url in the settings file\n"
    )


def test_every_wrong_setting_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--kafka.partitions", "many", "--vespa-url=nowhere"]) == 78

    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" ")[1] for line in lines] == ["kafka.partitions:", "vespa.url:"]
    assert "nowhere" not in "".join(lines)


@pytest.mark.parametrize("command", ["discover", "doctor", "reconcile", "status"])
def test_help_names_the_settings(capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])

    assert ended.value.code == 0
    assert "--database-url" in capsys.readouterr().out


def test_interrupt_ends_with_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "load", interrupted)

    assert main(["status"]) == 130
    assert capsys.readouterr() == ("", "rowferry: interrupted\n")
