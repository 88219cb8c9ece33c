"""
A row becomes a record document.

A plan is made once for each table entry; `fields` is the hot path. `metadata` holds every column as PostgreSQL
prints it (NULL is absent), which is what index and database are compared by. Leaves to others: when to write it
and on which condition (`operations`), and how large it may be in all.

Keeps: P8.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.catalog_marks import Edge, KeyLookup, edges_of
from schemas.file_references import references
from schemas.keys import document_id
from schemas.tables import FileColumn, TableEntry
from vespa_sink.documents.mapping import DocumentMapping, Roles
from vespa_sink.documents.relationships import edge_fields
from vespa_sink.documents.text import bounded, is_legal, legal_text
from vespa_sink.documents.times import epoch_ms, long_value


@dataclass(frozen=True, slots=True)
class RowIdentity:
    """Which row an event is about: its key as in Kafka, its version, and the partition it came through."""

    key: bytes
    version: int
    partition: int


@dataclass(frozen=True, slots=True)
class Shape:
    """What the documents of all tables have in common."""

    namespace: str
    mapping: DocumentMapping = field(default_factory=DocumentMapping)
    max_text_bytes: int = 512 * 1024


@dataclass(frozen=True, slots=True)
class RecordPlan:
    """What the documents of one table have in common, worked out once."""

    namespace: str
    table: str
    key: tuple[str, ...]
    roles: Roles
    edges: tuple[Edge, ...]
    file_columns: tuple[FileColumn, ...]
    description: str | None
    column_types: Mapping[str, str]
    max_text_bytes: int

    def fields(
        self, identity: RowIdentity, row: Mapping[str, str], ingested_at_ms: int, omitted: Collection[str] = ()
    ) -> tuple[dict[str, Any], int]:
        """
        The fields of a row's document, and how many code points had to be replaced in it.

        `row` maps columns to PostgreSQL's text, without the NULLs. Empty fields are left out, but `omitted`:
        the columns that could not be carried, which are no NULLs (rules P8, V5).
        """
        doc_id = document_id(self.table, identity.key)
        metadata, replaced = _legal_row(row)
        fields: dict[str, Any] = {
            "doc_id": doc_id,
            "namespace": self.namespace,
            "source_table": self.table,
            "source_id": identity.key.decode("ascii"),
            "version": identity.version,
            "source_partition": identity.partition,
            "deleted": False,
            "ingested_at": ingested_at_ms,
            "metadata": metadata,
            "column_types": self.column_types,
            # Always there: an index without the field takes no row then, and the sink waits for it. It would else take
            # most rows, and refuse the others for good (rule V13).
            "omitted": sorted(legal_text(name)[0] for name in omitted),
        }
        if self.description:
            fields["table_description"] = self.description
        self._add_texts(fields, metadata)
        if self.edges:
            fields.update(edge_fields(self.edges, row))
        self._add_files(fields, doc_id, row)
        return fields, replaced

    def _add_texts(self, fields: dict[str, Any], row: Mapping[str, str]) -> None:
        title = _first(self.roles.title, row)
        if title:
            fields["title"] = title
        texts = [row[name] for name in self.roles.content_text or () if row.get(name)]
        if texts:
            fields["content_text"] = bounded("\n".join(texts), self.max_text_bytes)
        for name, names, read in (
            ("project_id", self.roles.project_id, long_value),
            ("created_at", self.roles.created_at, epoch_ms),
            ("updated_at", self.roles.updated_at, epoch_ms),
        ):
            value = read(_first(names, row))
            if value is not None:
                fields[name] = value

    def _add_files(self, fields: dict[str, Any], doc_id: str, row: Mapping[str, str]) -> None:
        if not self.file_columns:
            return
        found = references(doc_id, self.file_columns, row)
        if found:
            fields["file_references"] = [
                {
                    "column": legal_text(file.column)[0],
                    "kind": file.kind.value,
                    "key": legal_text(file.key)[0],
                    "file_name": legal_text(file.file_name)[0],
                    "file_id": file.file_id,
                    "relationship_type": legal_text(file.relationship_type)[0],
                }
                for file in found
            ]


def record_plan(entry: TableEntry, shape: Shape, key_of: KeyLookup) -> RecordPlan:
    """The plan for a table's documents; `key_of` tells the primary keys of the tables it refers to."""
    return RecordPlan(
        namespace=shape.namespace,
        table=entry.name.document_table,
        key=entry.primary_key,
        roles=shape.mapping.roles(entry),
        edges=edges_of(entry, key_of),
        file_columns=entry.file_columns,
        description=legal_text(entry.description)[0] if entry.description else None,
        column_types={legal_text(column.name)[0]: legal_text(column.type)[0] for column in entry.columns},
        max_text_bytes=shape.max_text_bytes,
    )


def lighter(row: Mapping[str, str], key: Collection[str]) -> Iterator[Mapping[str, str]]:
    """The row without its largest column, its two largest, four, eight, and so on; last, the key alone."""
    names = sorted(row.keys() - set(key), key=lambda name: (-len(row[name]), name))
    count = 1  # doubled: each row is made and measured, and there may be a thousand columns
    while count < len(names):
        gone = set(names[:count])
        yield {name: value for name, value in row.items() if name not in gone}
        count *= 2
    yield {name: row[name] for name in key if name in row}


def _first(names: tuple[str, ...], row: Mapping[str, str]) -> str:
    """The first value that is not empty; an empty text when there is none."""
    return next((row[name] for name in names if row.get(name)), "")


def _legal_row(row: Mapping[str, str]) -> tuple[Mapping[str, str], int]:
    """The row with only legal text in it, and how many code points were replaced. One pass when all are legal."""
    if is_legal("".join(row.values())) and is_legal("".join(row)):
        return row, 0
    clean: dict[str, str] = {}
    total = 0
    for name, value in row.items():
        text, replaced = legal_text(value)
        clean[legal_text(name)[0]] = text
        total += replaced
    return clean, total
