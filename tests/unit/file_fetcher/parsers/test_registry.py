from __future__ import annotations

from importlib.metadata import EntryPoint

from file_fetcher.parsers.protocol import ENTRY_POINTS
from file_fetcher.parsers.registry import installed, load


def test_our_parsers_are_installed_and_work():
    registry = load(installed())
    read = {info.key: info.media_types for info in registry.infos()}
    assert registry.broken == {}
    assert {key: sorted(types) for key, types in read.items()} == {
        "csv": ["text/csv"],
        "image": ["image/gif", "image/jpeg", "image/png", "image/tiff"],
        "pdf": ["application/pdf"],
        "text": ["text/plain"],
        "xlsx": ["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"],
    }


def test_parser_that_cannot_be_imported_costs_no_other():
    points = [
        EntryPoint("gone", "no.such.module:Parser", ENTRY_POINTS),
        EntryPoint("none", "file_fetcher.parsers.formats.text:encoding_of", ENTRY_POINTS),
        EntryPoint("text", "file_fetcher.parsers.formats.text:TextParser", ENTRY_POINTS),
    ]
    registry = load(points)
    assert list(registry.parsers) == ["text"]
    assert registry.broken["gone"] == "ModuleNotFoundError: No module named 'no'"
    assert registry.broken["none"].startswith("TypeError")


def test_name_and_version_are_the_label():
    assert [info.label for info in load(installed()).infos()][-2:] == ["text 2", "python-calamine 0.9.1/2"]
