"""The name that a process keeps in its folder, and how long a publisher waits."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from cdc_runtime.settings.models import KafkaSettings
from file_fetcher.settling import publisher as publishers
from file_fetcher.settling.publisher import ResultPublisher, instance_name
from schemas.errors import SettingsError


def test_a_folder_keeps_its_name(tmp_path):
    name = instance_name(tmp_path)
    assert re.fullmatch("[0-9a-f]{16}", name)
    assert instance_name(tmp_path) == name


def test_two_folders_have_two_names(tmp_path):
    names = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        names.append(instance_name(folder))
    assert names[0] != names[1]


@pytest.mark.parametrize("damage", [b"", b"\0\0\0\0", b"\xff", b"../../x"])
def test_a_name_that_is_damaged_is_made_anew(tmp_path, damage):
    (tmp_path / "instance").write_bytes(damage)
    name = instance_name(tmp_path)
    assert re.fullmatch("[0-9a-f]{16}", name)
    assert instance_name(tmp_path) == name


def test_a_folder_that_is_not_there_is_a_setting_to_mend(tmp_path):
    with pytest.raises(SettingsError, match="expected to keep a name in data_directory") as caught:
        instance_name(tmp_path / "none")
    assert caught.value.remedy == "give data_directory a folder that this user may write to"


def test_kafka_is_waited_for_at_the_start_and_only_asked_later(monkeypatch):
    waited = []
    producer = SimpleNamespace(init=waited.append, close=lambda: None)
    monkeypatch.setattr(publishers, "TransactionalProducer", lambda *_, **__: producer)
    publisher = ResultPublisher(KafkaSettings(), "files", 300)
    for _ in range(2):
        publisher.ready()
        publisher.close()
    assert waited == [300, 10.0]
