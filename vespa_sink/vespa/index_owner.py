"""
Whose documents these are: a document type and namespace belong to one pipeline, named by its prefix (pure).

Keeps: D7.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.errors import SettingsError
from vespa_sink.vespa.searches import FULL_COVERAGE, Index


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


def is_described(answer: Mapping[str, Any]) -> bool | None:
    """Whether a search found a table that the pipeline has described; None when it did not look at all documents."""
    root = answer.get("root")
    if not isinstance(root, Mapping):
        return None
    if root.get("children"):
        return True
    coverage = root.get("coverage")
    whole = isinstance(coverage, Mapping) and coverage.get("coverage") == FULL_COVERAGE and not root.get("errors")
    return False if whole else None


def check_owner(answer: Mapping[str, Any], index: Index, prefix: str) -> None:
    """Raise `SettingsError` when a search's answer names another pipeline."""
    other = foreign_prefix(answer, prefix)
    if other is not None:
        raise SettingsError(
            expected=f"document types of the pipeline with prefix {prefix!r} in namespace {index.namespace!r}",
            found=f"those of {other!r}",
            remedy="set vespa.namespace to a name that no other pipeline has",
        )
