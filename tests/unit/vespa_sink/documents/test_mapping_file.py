from __future__ import annotations

from pathlib import Path

import pytest

import vespa_sink
from schemas.errors import SettingsError
from tests.unit.vespa_sink.entries import column, entry
from vespa_sink.documents.mapping import DocumentMapping
from vespa_sink.documents.mapping_file import read_mapping


def test_mapping_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text("defaults:\n  title: [subject]\n")
    assert read_mapping(path).defaults.title == ("subject",)
    assert read_mapping(None) == DocumentMapping()


def test_mapping_file_that_cannot_be_read_is_a_settings_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="expected a file that can be read"):
        read_mapping(tmp_path / "missing.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [")
    with pytest.raises(SettingsError, match=r"expected YAML in broken\.yaml, got a syntax error at line 1, column 5"):
        read_mapping(broken)


def test_mapping_of_the_procore_mirror_gives_projects_their_own_id() -> None:
    mapping = read_mapping(Path(vespa_sink.__file__).parent.parent / "deploy" / "document-mapping.yaml")
    projects = entry("projects", (column("id"), column("name"), column("project_number")))
    assert mapping.roles(projects).title == ("name", "project_number")
    assert mapping.roles(projects).project_id == ("id",)
