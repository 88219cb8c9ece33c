"""The index is searched through the real query chain, and its graph is walked: what was found, as text to be shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from devstack.demo.index_client import Fields, IndexClient
from devstack.errors import DevstackError

_SHOWN = 3
_TITLE_WIDTH = 60
_AROUND = 25
_PDF = 'content_type contains "application/pdf"'
BY_WORDS = 'select * from procore_record where default contains "curtain" and default contains "wall"'
BY_VALUE = (
    'select * from procore_record where metadata contains sameElement(key contains "status", value contains "open")'
)
IN_PDF = f'select * from procore_file where {_PDF} and default contains "curtain" and default contains "wall"'
IN_SHEET = 'select * from procore_file_row where default contains "wall"'
_COUNT_BY = "| all(group({}) order(-count()) max(5) each(output(count())))"


@dataclass(frozen=True, slots=True)
class Finding:
    """One question to the index, and lines of what it answered."""

    question: str
    yql: str
    lines: Sequence[str]


def findings(index: IndexClient) -> list[Finding]:
    """Ask everything; raises DevstackError, also when a search that must find something finds nothing."""
    return [
        _search(index, "records with the words curtain and wall", BY_WORDS, _card, **{"presentation.summary": "card"}),
        _search(index, "records whose column status is 'open'", BY_VALUE, _card, **{"presentation.summary": "card"}),
        _search(index, "PDF files with the words curtain and wall in them", IN_PDF, _passage),
        _search(index, "rows of spreadsheets with the word wall", IN_SHEET, _sheet_row),
        *_walk(index),
    ]


def _search(
    index: IndexClient, question: str, yql: str, tell: Callable[[Fields], str], **parameters: str | int
) -> Finding:
    root = index.search(yql, hits=_SHOWN, **parameters)
    count = root["fields"]["totalCount"]
    if not count:
        raise DevstackError(f"expected the search for {question} to find something, it found nothing: {yql}")
    return Finding(question, yql, [f"{count:,} found", *(tell(hit["fields"]) for hit in root["children"])])


def _walk(index: IndexClient) -> list[Finding]:
    """From a file to the record that refers to it, to that one's project, and to everything that belongs to it."""
    in_project = f"{IN_PDF} and project_id > 0"
    hits = index.search(in_project, hits=1).get("children", ())
    if not hits:
        raise DevstackError(f"expected a file of a project, found none: {in_project}")
    file = hits[0]["fields"]
    record = _document(index, file["record_id"], file["file_id"])
    edge = next(each for each in record["relationships"] if each["target_table"] == "projects")
    project = _document(index, edge["target_doc_id"], record["doc_id"])
    records = f'select * from procore_record where parent_ids contains "{project["doc_id"]}"'
    files = f"select * from procore_file where project_id = {file['project_id']}"
    return [
        Finding(f"one of those files, {file['file_id']}, is the {file['relationship_type']} of", "", [_card(record)]),
        Finding(f"which belongs by its {edge['fk_column']} to", "", [_card(project)]),
        Finding("that project's other records", records, _groups(index, records, "source_table")),
        Finding("and its files", files, _groups(index, files, "content_type")),
    ]


def _document(index: IndexClient, doc_id: str, referring: str) -> Fields:
    fields = index.document(doc_id)
    if fields is None:
        raise DevstackError(f"expected {doc_id} in the index, since {referring} refers to it")
    return fields


def _groups(index: IndexClient, yql: str, field: str) -> list[str]:
    """How many there are, and how many of the most frequent values of a field."""
    root = index.search(f"{yql} {_COUNT_BY.format(field)}", hits=0)
    groups = root["children"][0]["children"][0]["children"]
    counts = [f"{group['fields']['count()']:>7,}  {group['value'] or '(not fetched)'}" for group in groups]
    return [f"{root['fields']['totalCount']:,} found", *counts]


def _card(fields: Fields) -> str:
    return f"{fields['doc_id']:<32} {_short(fields.get('title') or '(no title)')}"


def _passage(fields: Fields) -> str:
    """A file and the words around those that were looked for."""
    text = " ".join(fields["content_text"].split())
    at = max(0, text.lower().find("curtain wall") - _AROUND)
    return f"{fields['file_id']}, {fields['file_name']}: ...{text[at : at + _TITLE_WIDTH]}..."


def _sheet_row(fields: Fields) -> str:
    values = "; ".join(f"{name}: {value}" for name, value in fields["values"].items())
    return f"{fields['file_name']}, row {fields['row_number']}: {values}"


def _short(text: object) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= _TITLE_WIDTH else line[: _TITLE_WIDTH - 3] + "..."
