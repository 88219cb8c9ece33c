"""
Whose documents these are: a document type and namespace belong to one pipeline, named by its prefix.

Keeps: D7.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.errors import SettingsError
from vespa_sink.vespa.searches import Index


def foreign_prefix(answer: Mapping[str, Any], prefix: str) -> str | None:
    """The prefix of another pipeline in a search's answer; None when there is none."""
    root = answer.get("root")
    children = root.get("children") if isinstance(root, Mapping) else None
    for hit in children or ():
        fields = hit.get("fields") if isinstance(hit, Mapping) else None
        owner = fields.get("prefix") if isinstance(fields, Mapping) else None
        if isinstance(owner, str) and owner != prefix:
            return owner
    return None


def check_owner(answer: Mapping[str, Any], index: Index, prefix: str) -> None:
    """Raise `SettingsError` when a search's answer names another pipeline."""
    other = foreign_prefix(answer, prefix)
    if other is not None:
        raise SettingsError(
            expected=f"document types of the pipeline with prefix {prefix!r} in namespace {index.namespace!r}",
            found=f"those of {other!r}",
            remedy="give each pipeline its own document types: set vespa.record_type, vespa.schema_type, "
            "vespa.file_type and vespa.file_row_type",
        )
