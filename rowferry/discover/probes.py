"""
What is asked of a few rows of a table (pure): how many there are, and of which shape the values of each column are.

The server looks at the values and answers with counts: no value leaves it. A column whose name says that it refers to
files is asked for references; any other text or JSON column, whether its values look like places of files all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cdc_reader.discovery.catalog_rows import PLAIN_TABLE, ColumnRow, TableRow
from cdc_reader.discovery.publication import quote_identifier, quote_table
from rowferry.discover.facts import ColumnSample, TableSample
from schemas.file_references import file_column, is_text_like

LIMIT_ROWS = 50
MOST_COLUMNS = 200  # of one table: each costs up to four aggregates
_LONGEST_TEXT = 1_000  # characters of a value that are looked at
_LONGEST_JSON_BYTES = 100_000  # what is larger is not looked into
_JSON = ("json", "jsonb")
# Endings of names that files have; `.com` and `.html` are ends of addresses, too.
_ENDINGS = (
    "pdf jpg jpeg png gif tif tiff bmp webp heic svg csv tsv xls xlsx xlsm doc docx ppt pptx odt ods rtf txt zip 7z tar"
    " gz dwg dxf rvt ifc mp3 mp4 mov avi wav eml msg xml json parquet"
)
_LIST = "'{" + ",".join(_ENDINGS.split()) + "}'::text[]"
_URL = "^(https?|s3)://[^?#]"


class Probe(StrEnum):
    """What is asked of a column. Those called as kinds of references are file columns by their names."""

    S3_KEY = "s3_key"
    URL = "url"
    JSONB_S3_MAP = "jsonb_s3_map"
    TEXT = "text"
    JSON = "json"
    SIZE = "size"  # of its values alone


NAMED = (Probe.S3_KEY, Probe.URL, Probe.JSONB_S3_MAP)


@dataclass(frozen=True, slots=True)
class ColumnProbe:
    """A column and what is asked of it."""

    column: ColumnRow
    probe: Probe

    @property
    def values_type(self) -> str:
        """The type under all domains."""
        return self.column.base_type or self.column.type


def probes(table: TableRow) -> tuple[ColumnProbe, ...]:
    """What is asked of a table; nothing of what we may not read. Columns by name come first."""
    found = [
        ColumnProbe(column, probe)
        for column in table.relation.columns
        if column.readable and (probe := _probe(column)) is not None
    ]
    return tuple(sorted(found, key=lambda each: each.probe not in NAMED))[:MOST_COLUMNS]


def _probe(column: ColumnRow) -> Probe | None:
    kind = column.base_type or column.type
    if (named := file_column(column.name, kind)) is not None:
        return Probe(named.kind)
    if is_text_like(kind):
        return Probe.TEXT
    if kind in _JSON:
        return Probe.JSON
    return Probe.SIZE if kind in ("bytea", "xml") else None


def sample_query(table: TableRow, at: int, *, percent: float | None, measured: bool) -> str:
    """The query of one table, whose row begins with `at`; several are joined by UNION ALL.

    `percent`: of the blocks, where not the first rows are to be taken. `measured`: blocks are told.
    """
    asked = probes(table)
    inner = [text for number, each in enumerate(asked) for text in _inner(each, number)]
    counts = [text for number, each in enumerate(asked) for text in _counts(each, number)]
    blocks = "NULL::int8, NULL::int8"
    if measured:
        inner.append("ctid AS place")
        size = f"pg_relation_size({table.oid}::oid) / current_setting('block_size')::int8"
        blocks = f"1 + max((place::text::point)[0])::int8, {size}"
    few = "" if percent is None else f" TABLESAMPLE SYSTEM ({percent:.6f}) REPEATABLE (1)"
    only = "ONLY " if table.relation.kind == PLAIN_TABLE else ""
    rows = f"SELECT {', '.join(inner)} FROM {only}{quote_table(table.name)} AS t{few} LIMIT {LIMIT_ROWS}"
    array = f"ARRAY[{', '.join(counts)}]::int8[]"
    return f"(SELECT {at}, count(*), {blocks}, {array} FROM ({rows}) AS rows)"


def table_sample(table: TableRow, row: Sequence[object], *, percent: float | None) -> TableSample:
    """Read the answer to `sample_query`."""
    _, rows, blocks, all_blocks, counts = row
    assert isinstance(rows, int)
    assert isinstance(counts, list)
    columns = {
        each.column.name: ColumnSample(*counts[number * 4 : number * 4 + 4])
        for number, each in enumerate(probes(table))
    }
    return TableSample(
        rows,
        columns,
        whole=percent is None and rows < LIMIT_ROWS,
        blocks=blocks if isinstance(blocks, int) else None,
        all_blocks=all_blocks if isinstance(all_blocks, int) else None,
    )


def _inner(each: ColumnProbe, number: int) -> Iterator[str]:
    """The value, shortened, and its size."""
    name = f"t.{quote_identifier(each.column.name)}"
    if each.probe is Probe.SIZE:
        size = "octet_length" if each.values_type == "bytea" else "pg_column_size"
        yield f"{size}({name}) AS n{number}"
    elif each.values_type in _JSON:
        short = f"pg_column_size({name}) < {_LONGEST_JSON_BYTES}"
        yield f"CASE WHEN {short} THEN {_inner_value(each, name)} END AS c{number}"
        yield f"pg_column_size({name}) AS n{number}"
    else:
        yield f"left({_inner_value(each, name)}, {_LONGEST_TEXT}) AS c{number}"
        yield f"octet_length({name}::text) AS n{number}"


def _inner_value(each: ColumnProbe, name: str) -> str:
    if each.values_type == "json":  # it takes escapes that are no characters, and fails when they are read
        return f"CASE WHEN strpos({name}::text, chr(92) || 'u') = 0 THEN {name} END"
    return name if each.values_type == "jsonb" else f"{name}::text"


def _counts(each: ColumnProbe, number: int) -> Iterator[str]:
    value = f"c{number}"
    if each.probe is Probe.SIZE:
        yield from (f"count(n{number})", "0", "0")
    elif each.probe is Probe.TEXT:
        yield f"count(*) FILTER (WHERE {value} <> '')"
        yield f"count(*) FILTER (WHERE strpos({value}, '/') > 0 AND {_is_file_url(value)})"
        yield f"count(*) FILTER (WHERE strpos({value}, '/') > 0 AND {_is_file_key(value)})"
    elif each.probe is Probe.JSON:
        yield from (f"count({value})", "0", _maps(value, each))
    else:
        filled = f"count({value})" if each.probe is Probe.JSONB_S3_MAP else f"count(*) FILTER (WHERE {value} <> '')"
        yield from (filled, "0", _references(value, each))
    yield f"coalesce(max(n{number}), 0)"


def count_query(table: TableRow) -> tuple[str, list[str]]:
    """A query for all rows of a table and all references of its file columns, and the names of these."""
    files = [each for each in probes(table) if each.probe in NAMED]
    inner = [_inner_value(each, f"t.{quote_identifier(each.column.name)}") for each in files]
    counts = ["count(*)", *(_references(value, each) for value, each in zip(inner, files, strict=True))]
    only = "ONLY " if table.relation.kind == PLAIN_TABLE else ""
    query = f"SELECT {', '.join(counts)} FROM {only}{quote_table(table.name)} AS t"
    return query, [each.column.name for each in files]


def _references(value: str, each: ColumnProbe) -> str:
    """How many references the values of a file column hold."""
    if each.probe is not Probe.JSONB_S3_MAP:
        fits = f"{value} ~* '{_URL}'" if each.probe is Probe.URL else f"{value} <> ''"
        return f"count(*) FILTER (WHERE {fits})"
    kind = each.values_type
    text = f"{kind}_typeof(e.value) = 'string' AND e.value #>> '{{}}' <> ''"
    keys = f"(SELECT count(*) FROM {kind}_each({value}) AS e WHERE {text})"
    return f"coalesce(sum(CASE WHEN {kind}_typeof({value}) = 'object' THEN {keys} END), 0)::int8"


def _maps(value: str, each: ColumnProbe) -> str:
    """How many values are maps whose entries all look like places of files."""
    kind = each.values_type
    fits = f"e.value IS NOT NULL AND ({_is_file_key('e.value')} OR {_is_file_url('e.value')})"
    all_fit = f"(SELECT coalesce(bool_and({fits}), false) FROM {kind}_each_text({value}) AS e)"
    return f"count(*) FILTER (WHERE CASE WHEN {kind}_typeof({value}) = 'object' THEN {all_fit} ELSE false END)"


# Regular expressions of all endings cost ten times as much.
def _is_file_key(value: str) -> str:
    return f"(strpos({value}, ':') = 0 AND strpos({value}, '/') > 1 AND {_has_ending(value)})"


def _is_file_url(value: str) -> str:
    path = f"split_part(split_part({value}, '?', 1), '#', 1)"
    return f"({value} ~* '^s3://[^/?#]+/.' OR ({value} ~* '^https?://[^/?#]+/' AND {_has_ending(path)}))"


def _has_ending(value: str) -> str:
    return f"lower(reverse(split_part(reverse(right({value}, 12)), '.', 1))) = ANY ({_LIST})"
