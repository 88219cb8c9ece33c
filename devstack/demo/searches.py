"""The index is searched through the real query chain, and its graph is walked: what was found, as text to be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from devstack.demo.index_client import Fields, IndexClient
from devstack.errors import DevstackError

_SHOWN = 3
_TITLE_WIDTH = 60
BY_WORDS = 'select * from procore_record where default contains "curtain" and default contains "wall"'
BY_VALUE = (
    'select * from procore_record where metadata contains sameElement(key contains "status", value contains "open")'
)
_WITH_PROJECT = "select * from procore_record where source_table contains 'photos' and project_id > 0"
_COUNT_BY_TABLE = "| all(group(source_table) order(-count()) max(5) each(output(count())))"


@dataclass(frozen=True, slots=True)
class Finding:
    """One question to the index, and lines of what it answered."""

    question: str
    yql: str
    lines: Sequence[str]


def findings(index: IndexClient) -> list[Finding]:
    """Ask everything; raises DevstackError, also when a search that must find something finds nothing."""
    return [
        _search(index, "records with the words curtain and wall", BY_WORDS),
        _search(index, "records whose column status is 'open'", BY_VALUE),
        *_walk(index),
    ]


def _search(index: IndexClient, question: str, yql: str) -> Finding:
    root = index.search(yql, hits=_SHOWN, **{"presentation.summary": "card"})
    count = root["fields"]["totalCount"]
    if not count:
        raise DevstackError(f"expected the search for {question} to find something, it found nothing: {yql}")
    return Finding(question, yql, [f"{count:,} found", *(_card(hit["fields"]) for hit in root["children"])])


def _walk(index: IndexClient) -> list[Finding]:
    """From a record to its project, and from there to everything that belongs to it."""
    [hit] = index.search(_WITH_PROJECT, hits=1)["children"]
    record = hit["fields"]
    edge = next(each for each in record["relationships"] if each["target_table"] == "projects")
    project = index.document(edge["target_doc_id"])
    if project is None:
        raise DevstackError(f"expected {edge['target_doc_id']} in the index, since {record['doc_id']} refers to it")
    yql = f'select * from procore_record where parent_ids contains "{project["doc_id"]}"'
    root = index.search(f"{yql} {_COUNT_BY_TABLE}", hits=0)
    return [
        Finding(f"a record, {record['doc_id']}, and by its {edge['fk_column']} its project", "", [_card(project)]),
        Finding("that project's other records", yql, [f"{root['fields']['totalCount']:,} found", *_groups(root)]),
    ]


def _groups(root: Fields) -> list[str]:
    """The counts of a grouping by table."""
    tables = root["children"][0]["children"][0]["children"]
    return [f"{group['fields']['count()']:>7,}  {group['value']}" for group in tables]


def _card(fields: Fields) -> str:
    title = " ".join(str(fields.get("title") or "(no title)").split())
    short = title if len(title) <= _TITLE_WIDTH else title[: _TITLE_WIDTH - 3] + "..."
    return f"{fields['doc_id']:<32} {short}"
