from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cdc_runtime.settings.models import load
from file_fetcher.settings import FetcherSettings
from file_fetcher.startup import claim_folder, claim_number, own_topics, topics_of
from schemas.errors import ServerSetting, SettingsError


class _Admin:
    def __init__(self, **counts: int) -> None:
        self._counts = {f"cdc._{name}": count for name, count in counts.items()}

    def partition_counts(self, topics: list[str]) -> dict[str, int]:
        return {topic: self._counts[topic] for topic in topics if topic in self._counts}


@pytest.mark.rule("F2")
@pytest.mark.parametrize(
    ("there", "used"),
    [
        ({}, 6),
        ({"files": 3, "file_rows": 3, "file_refs": 3}, 3),
        ({"files": 3, "file_rows": 12, "file_refs": 3}, 3),
        ({"files": 3, "file_rows": 3, "file_refs": 12}, 3),
        ({"file_refs": 3}, 3),
    ],
)
def test_f2_as_many_partitions_are_used_as_at_first_whatever_is_set_or_added(there: dict[str, int], used: int) -> None:
    """Red where the setting, or the memory's own topic, is asked."""
    settings = load(FetcherSettings, ["--kafka.partitions=6"], environ={})
    admin: Any = _Admin(**there)
    found = own_topics(settings, admin)
    assert found.partitions == used
    assert {each.partitions for each in topics_of(settings, found.partitions)} == {used}


@pytest.mark.rule("F2")
def test_f2_number_that_is_set_counts_and_is_kept_with_what_is_remembered(tmp_path: Path) -> None:
    settings = load(FetcherSettings, ["--state-partitions=3"], environ={})
    admin: Any = _Admin(files=6, file_rows=6, file_refs=6)
    assert own_topics(settings, admin).partitions == 3
    claim_number(tmp_path, 3)
    claim_number(tmp_path, 3)
    with pytest.raises(ServerSetting, match="expected 3 partitions") as caught:
        claim_number(tmp_path, 6)
    assert caught.value.remedy == "set state_partitions to 3: partitions that were added are not used"
    claim_number(tmp_path, 2)
    with pytest.raises(ServerSetting, match="expected 2 partitions"):
        claim_number(tmp_path, 3)


@pytest.mark.remedy("set data_directory to a folder of its own")
@pytest.mark.rule("D7")
def test_d7_folder_belongs_to_one_pipeline(tmp_path: Path) -> None:
    claim_folder(tmp_path, "crm")
    claim_folder(tmp_path, "crm")
    with pytest.raises(SettingsError, match="prefix 'cdc', got that of 'crm'") as caught:
        claim_folder(tmp_path, "cdc")
    assert caught.value.remedy == "set data_directory to a folder of its own"
    own = tmp_path / "of its own"
    own.mkdir()
    claim_folder(own, "cdc")


def test_folder_that_cannot_be_marked_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pipeline").mkdir()
    with pytest.raises(SettingsError, match="can be written to for data_directory"):
        claim_folder(tmp_path, "crm")
