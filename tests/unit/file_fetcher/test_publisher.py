"""The name that a process keeps in its folder."""

from __future__ import annotations

import re

import pytest

from file_fetcher.publisher import instance_name
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
