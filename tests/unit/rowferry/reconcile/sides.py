"""The two sides of a comparison, in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rowferry.reconcile.shapes import Shape


@dataclass
class Rows:
    tables: dict[str, list[dict[str, str]]]

    def rows(self, shape: Shape) -> Iterator[dict[str, str]]:
        return iter(self.tables.get(shape.table.name, []))

    def row(self, shape: Shape, key: Mapping[str, str]) -> dict[str, str] | None:
        return next((row for row in self.rows(shape) if key.items() <= row.items()), None)


@dataclass
class Documents:
    all: dict[str, dict[str, Any]]

    def documents(self, tables: Collection[str] | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
        return iter([item for item in self.all.items() if tables is None or item[1].get("source_table") in tables])

    def document(self, doc_id: str) -> dict[str, Any] | None:
        return self.all.get(doc_id)
