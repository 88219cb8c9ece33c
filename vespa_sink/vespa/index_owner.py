"""Whose documents these are (rule D7): a document type and namespace belong to one pipeline, named by its prefix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


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
