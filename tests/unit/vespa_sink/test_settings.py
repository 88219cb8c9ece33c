from __future__ import annotations

from pathlib import Path

import pytest

import vespa_sink
from cdc_runtime.settings.models import load
from schemas.errors import SettingsError
from tests.unit.vespa_sink.entries import column, entry
from vespa_sink.documents.mapping import DocumentMapping
from vespa_sink.documents.mapping_file import read_mapping
from vespa_sink.settings import SinkSettings, VespaSettings
from vespa_sink.vespa.probes import limits_of, probes_of


def test_defaults_need_no_source() -> None:
    settings = load(SinkSettings, [], environ={})
    assert (settings.vespa.url, settings.vespa.namespace, settings.group) == (
        "http://localhost:8080",
        "procore",
        "rowferry-vespa-sink",
    )


def test_vespa_is_found_under_its_legacy_name() -> None:
    settings = load(SinkSettings, [], environ={"VESPA_LOCAL_URL": "http://index:8080"})
    assert settings.vespa.url == "http://index:8080"


@pytest.mark.parametrize(
    "flags",
    [
        ["--vespa.url", "index:8080"],
        ["--vespa.url", "http://index:8080/path"],
        ["--vespa.namespace", "a/b"],
        ["--breaker.ratio", "2"],
        ["--max-open-records", "0"],
    ],
    ids=lambda flags: flags[0],
)
def test_setting_out_of_its_bounds_is_refused(flags: list[str]) -> None:
    with pytest.raises(SettingsError):
        load(SinkSettings, flags, environ={})


def test_limits_and_probes_follow_the_settings() -> None:
    settings = VespaSettings(
        namespace="ns",
        record_type="rows",
        schema_type="tables",
        file_type="files",
        file_row_type="lines",
        timeout_s=2.5,
        max_document_bytes=5000,
    )
    limits = limits_of(settings)
    assert (limits.max_document_bytes, limits.timeout_ms) == (5000, 2500)
    assert [str(each.document) for each in probes_of(settings)] == [
        "id:ns:rows::_rowferry/probe",
        "id:ns:tables::_rowferry/probe",
        "id:ns:files::_rowferry/probe",
        "id:ns:lines::_rowferry/probe",
    ]


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
    with pytest.raises(SettingsError, match=r"expected YAML in broken\.yaml"):
        read_mapping(broken)


def test_mapping_of_the_procore_mirror_gives_projects_their_own_id() -> None:
    mapping = read_mapping(Path(vespa_sink.__file__).parent.parent / "deploy" / "document-mapping.yaml")
    projects = entry("projects", (column("id"), column("name"), column("project_number")))
    assert mapping.roles(projects).title == ("name", "project_number")
    assert mapping.roles(projects).project_id == ("id",)
