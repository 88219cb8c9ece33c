"""The inventory for eyes: the same values as Markdown (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rowferry.discover.file_columns import BY_NAME
from rowferry.discover.row_counts import ESTIMATE

Values = Mapping[str, Any]


def markdown(inventory: Values) -> str:
    """The inventory as a Markdown document."""
    return "\n".join(_document(inventory)) + "\n"


def _document(inventory: Values) -> Iterator[str]:
    files = inventory["file_references_summary"]
    tables = [(schema, table) for schema in inventory["schemas"] for table in schema["tables"]]
    yield f"# Database {_cell(inventory['database_name'])}"
    yield ""
    yield f"Read from {_cell(inventory['database_host'])} at {inventory['discovery_timestamp']}:"
    yield (
        f"{len(tables)} tables, {len(inventory['relationships'])} relationships,"
        f" {files['total_columns']} file columns in {files['tables_with_files']} tables."
    )
    yield ""
    yield from _grid(
        ("table", "rows", "columns", "captured by", "why"),
        (
            (
                _qualified(schema, table),
                _number(table["row_count"], table["row_count_source"]),
                len(table["columns"]),
                table["capture"]["mode"],
                table["capture"]["reason"],
            )
            for schema, table in tables
        ),
    )
    for schema, table in tables:
        yield from _table(schema, table)
    yield from _relationships(inventory["relationships"])


def _table(schema: Values, table: Values) -> Iterator[str]:
    yield f"## {_cell(_qualified(schema, table))}"
    yield ""
    if table["error"]:
        yield f"**Not read:** {_cell(table['error'])}\n"
    if table["description"]:
        yield f"{_cell(table['description'])}\n"
    yield f"A {table['kind']}; primary key: {_listed(table['primary_key'])};"
    yield f"timestamp columns: {_listed(table['timestamp_columns'])}."
    yield ""
    for warning in table["warnings"]:
        yield f"* **{warning['code']}**: {_cell(warning['message'])}"
        if warning["remedy"]:
            yield f"  ({_cell(warning['remedy'])})"
    if table["warnings"]:
        yield ""
    files = {file["column_name"]: _kind(file) for file in table["file_reference_columns"]}
    yield from _grid(
        ("column", "type", "null", "default", "files", "description"),
        (
            (
                column["name"],
                column["data_type"],
                "yes" if column["is_nullable"] else "no",
                column["default_value"] or "",
                files.get(column["name"], ""),
                column["description"] or "",
            )
            for column in table["columns"]
        ),
    )
    if samples := table.get("samples"):
        yield "First rows:"
        yield ""
        yield from _grid(tuple(samples[0]), (tuple(row.values()) for row in samples))


def _kind(file: Values) -> str:
    return file["reference_type"] if file["found_by"] == BY_NAME else f"{file['reference_type']} (by its values)"


def _relationships(relationships: Sequence[Values]) -> Iterator[str]:
    yield "## Relationships"
    yield ""
    yield from _grid(
        ("table", "column", "refers to", "column", "declared", "confidence"),
        (
            (
                edge["source_table"],
                edge["source_column"],
                edge["target_table"],
                edge["target_column"],
                "yes" if edge["declared"] else "by name",
                edge["confidence"],
            )
            for edge in relationships
        ),
    )


def _grid(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    yield _row(head)
    yield _row(["---"] * len(head))
    yield from map(_row, rows)
    yield ""


def _row(cells: Iterable[Any]) -> str:
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").split())


def _qualified(schema: Values, table: Values) -> str:
    return f"{schema['name']}.{table['name']}"


def _number(value: int | None, source: str | None) -> str:
    return "" if value is None else f"{'~' if source == ESTIMATE else ''}{value:,}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(_cell, names)) or "none"
