from __future__ import annotations

from vespa_sink.settings import VespaSettings
from vespa_sink.vespa.probes import limits_of, probes_of


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
