"""Reads the file that says which columns make up a document."""

from __future__ import annotations

from pathlib import Path

import yaml

from schemas.errors import SettingsError
from vespa_sink.documents.mapping import DocumentMapping, parse_mapping


def read_mapping(path: Path | None) -> DocumentMapping:
    """The document mapping in a YAML file; the defaults without one. Raises `SettingsError`."""
    if path is None:
        return DocumentMapping()
    try:
        return parse_mapping(yaml.safe_load(path.read_text("utf-8")), path.name)
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsError(f"mapping_file: expected a file that can be read at {path}, got {exc}") from exc
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        raise SettingsError(f"mapping_file: expected YAML in {path.name}, got a syntax error{place}") from exc
