from __future__ import annotations

from pathlib import Path

import pytest

from devstack.demo.services import Service, clean_environment, last_line
from devstack.errors import DevstackError
from tests.waiting import eventually

SAID = {
    "a line for people": ('{"event": "fatal"}\ncdc-reader: no slot; make one\n\n', "cdc-reader: no slot; make one"),
    "an event with its reason": (
        '{"event": "session_ended", "reason": "gone"}\n',
        "last event 'session_ended', gone",
    ),
    "an event without a reason": ('{"event": "streaming"}\n', "last event 'streaming', no reason given"),
    "nothing": ("", "it said nothing"),
    "half an event": ('{"event": "strea', '{"event": "strea'),
}


@pytest.mark.parametrize(("log", "line"), SAID.values(), ids=SAID)
def test_last_line_says_why_a_service_ended(log: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_text(log)

    assert last_line(tmp_path / "log") == line


def test_service_without_a_log_said_nothing(tmp_path: Path) -> None:
    assert last_line(tmp_path / "none") == "it said nothing"


def test_services_get_no_settings_but_those_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROWFERRY_SLOT", "other")
    monkeypatch.setenv("LANG", "C.UTF-8")

    environment = clean_environment({"ROWFERRY_DATABASE_URL": "postgresql://x"})

    assert {name for name in environment if name.startswith("ROWFERRY_")} == {"ROWFERRY_DATABASE_URL"}
    assert environment["LANG"] == "C.UTF-8"


def test_service_that_ended_is_reported_with_its_last_line(tmp_path: Path) -> None:
    service = Service("cdc-reader", "cdc_reader", tmp_path / "log", tied=True)
    try:
        service.start({"ROWFERRY_SLOT": "Not A Slot"})
        assert service.identity is not None
        identity = service.identity
        eventually(lambda: not identity.alive(), 60, "its end")
        with pytest.raises(DevstackError, match=r"^cdc-reader has ended: cdc-reader: .*slot.* \(all: /") as ended:
            service.require_alive()
    finally:
        service.close()
    assert "Not A Slot" not in str(ended.value)
    assert (service.url(), service.memory_bytes()) == (None, (0, 0))
