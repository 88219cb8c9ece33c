"""An index that lacks something pauses the sink: no dead letters, and it goes on by itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.integration.vespa_sink.pipeline import Index
from tests.waiting import eventually


def _without(application: Path, copy: Path, field: str, document_type: str = "procore_record") -> Path:
    """A copy of the package, one of whose types lacks a field."""
    shutil.copytree(application, copy)
    schema = copy / "schemas" / f"{document_type}.sd"
    lines = schema.read_text().splitlines(keepends=True)
    start = next(number for number, line in enumerate(lines) if f"field {field} type" in line)
    indent = lines[start].index("field")
    end = next(number for number in range(start + 1, len(lines)) if lines[number].rstrip() == " " * indent + "}")
    schema.write_text("".join(lines[:start] + lines[end + 1 :]))
    return copy


@pytest.mark.rule("P8")
def test_index_without_a_field_pauses_the_sink_until_it_is_deployed(
    feeder, make_sink, own_vespa, vespa_namespace, tmp_path
) -> None:
    good = own_vespa.application
    own_vespa.restart(_without(good, tmp_path / "faulty", "omitted"))
    index = Index(own_vespa.url, vespa_namespace)
    table = feeder.table("rows")
    sink = make_sink(own_vespa.url, breaker__rollout_s="0.5")
    # Rows that lack nothing say so too: they are not taken while the few that lack something are given up.
    lacks = {7: ["title"]}
    versions = {
        row: feeder.put(table, {"id": row, "title": None, "project_id": 1}, omitted=lacks.get(row, []))
        for row in range(60)
    }
    feeder.flush()
    eventually(lambda: "document type procore_record" in sink.ready()[1], what="the reason")
    assert "field omitted" in sink.ready()[1]
    assert "compare the deployed application: vespa-sink check" in sink.ready()[1]
    assert sink.metric("rowferry_sink_circuit_open") == 1
    paused = sink.metric("rowferry_sink_operations_total", result="rejected")
    assert paused < 60
    own_vespa.restart(good)
    eventually(
        lambda: all(index.version(f"rows/{row}") == version for row, version in versions.items()), 30, what="all rows"
    )
    eventually(lambda: sink.ready()[0], what="readiness")
    assert feeder.dead_letters(sink.group) == []
    assert sink.metric("rowferry_sink_circuit_open") == 0


def test_single_row_is_not_dead_lettered_by_an_index_that_lacks_a_field(
    feeder, make_sink, own_vespa, vespa_namespace, tmp_path
) -> None:
    good = own_vespa.application
    own_vespa.restart(_without(good, tmp_path / "faulty", "ingested_at"))
    index = Index(own_vespa.url, vespa_namespace)
    table = feeder.table("rows")
    sink = make_sink(own_vespa.url, breaker__rollout_s="0.2")
    feeder.put(table, {"id": 1, "title": "a", "project_id": 1})
    feeder.flush()
    eventually(lambda: not sink.ready()[0] and "field ingested_at" in sink.ready()[1], what="a reason")
    own_vespa.restart(good)
    eventually(lambda: index.get("rows/1"), 150, what="the row")
    assert feeder.dead_letters(sink.group) == []


def test_index_without_a_field_of_files_holds_files_alone(
    feeder, files, make_sink, own_vespa, vespa_namespace, tmp_path
) -> None:
    good = own_vespa.application
    own_vespa.restart(_without(good, tmp_path / "faulty", "sha256", "procore_file"))
    rows, held = (Index(own_vespa.url, vespa_namespace, name) for name in ("procore_record", "procore_file"))
    sink = make_sink(own_vespa.url, breaker__rollout_s="0.5")
    for row in range(20):
        files.file(row, 7)
    files.flush()
    eventually(lambda: "document type procore_file" in sink.ready()[1], what="the reason")
    assert "field sha256" in sink.ready()[1]
    feeder.put(feeder.table("rows"), {"id": 1, "title": "a", "project_id": 1})
    feeder.flush()
    eventually(lambda: rows.get("rows/1"), what="the row")
    own_vespa.restart(good)
    eventually(lambda: all(held.get(f"photos/{row}/image_s3_key") for row in range(20)), 150, what="all files")
    eventually(lambda: sink.ready()[0], what="readiness")
    assert feeder.dead_letters(sink.group) == []


def test_index_that_cannot_be_asked_about_positions_is_waited_for(
    feeder, make_sink, own_vespa, vespa_namespace, tmp_path
) -> None:
    good = own_vespa.application
    own_vespa.restart(_without(good, tmp_path / "faulty", "source_partition"))
    index = Index(own_vespa.url, vespa_namespace)
    table = feeder.table("rows")
    sink = make_sink(own_vespa.url)
    feeder.put(table, {"id": 1, "title": "a", "project_id": 1})
    feeder.flush()
    eventually(lambda: "position of" in sink.ready()[1], what="the reason")
    own_vespa.restart(good)
    eventually(lambda: index.get("rows/1"), 150, what="the row")
    eventually(lambda: sink.ready()[0], what="readiness")
    assert feeder.dead_letters(sink.group) == []
