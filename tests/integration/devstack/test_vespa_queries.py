"""Queries over our store: Vespa's parser and chain, our matching."""

from __future__ import annotations

import pytest

from devstack.vespa import VespaServer
from tests.integration.devstack.vespa_client import VespaClient

_TABLE = "queried"
_DOCUMENTS = [
    {
        "doc_id": f"{_TABLE}/{number}",
        "source_table": _TABLE,
        "source_id": str(number),
        "project_id": number % 3,
        "title": title,
        "content_text": text,
        "metadata": {"status": status, "other": "Open" if status == "Closed" else "x"},
        "parent_ids": [f"projects/{number % 3}", "companies/1"],
        "relationships": [
            {"rel_type": "belongs_to", "target_table": "projects", "target_doc_id": f"projects/{number % 3}"},
            {"rel_type": "owned_by", "target_table": "companies", "target_doc_id": "companies/1"},
        ],
        "version": 100 + number,
        "source_partition": number % 2,
    }
    for number, (title, text, status) in enumerate(
        [
            ("Concrete pour", "It pours in the east wing", "Open"),
            ("Crane inspection", "The tower crane was inspected", "Closed"),
            ("Steel beams", "Beams for the east tower", "Open"),
            ("Façade drawing", "Drawings of the façade, east side", "Closed"),
        ]
    )
]
_OURS = f'source_table contains "{_TABLE}"'


@pytest.fixture
def client(_faulty_vespa: VespaServer) -> VespaClient:
    client = VespaClient(_faulty_vespa.port, "queries")
    for document in _DOCUMENTS:
        assert client.put(str(document["doc_id"]), document).status == 200
    return client


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        ('doc_id contains "queried/2"', [2]),
        ('doc_id contains "Queried/2"', []),  # match: cased
        ('relationships.rel_type contains "OWNED_BY"', [0, 1, 2, 3]),  # uncased
        ('doc_id in ("queried/1", "queried/3", "other/1")', [1, 3]),
        ("project_id in (1, 2)", [1, 2]),
        ("version < 102 and source_partition = 1", [1]),
        ("version >= 101L and version <= 102", [1, 2]),
        ("range(version, 102, 103)", [2, 3]),
        ("!(version < 102)", [2, 3]),
        ("version < 101 or version > 102", [0, 3]),
        ("deleted = false", [0, 1, 2, 3]),  # a missing bool is false
        ("expire_at < 9999999999", []),  # a missing number is no number
        ('content_text contains "pouring"', [0]),  # stemmed on both sides
        ('default contains "inspecting"', [1]),  # a field set: title or content_text
        ('content_text contains "facade"', [3]),  # accents removed
        ('content_text contains phrase("east", "tower")', [2]),
        ('content_text contains near("tower", "beams")', []),
        ('content_text contains ({distance: 4}near("tower", "beams"))', [2]),
        ('doc_id contains ({prefix: true}"queried/")', [0, 1, 2, 3]),
        ('doc_id matches "^queried/[12]$"', [1, 2]),
        ('metadata contains sameElement(key contains "status", value contains "open")', [0, 2]),
        ('metadata.value contains "open"', [0, 1, 2, 3]),
        ('relationships contains sameElement(rel_type contains "owned_by", target_doc_id contains "projects/1")', []),
        (
            'relationships contains sameElement(rel_type contains "belongs_to", target_doc_id contains "projects/1")',
            [1],
        ),
        ('parent_ids contains "projects/2"', [2]),
        ("true", [0, 1, 2, 3]),
    ],
)
def test_condition_finds(client: VespaClient, condition: str, numbers: list[int]) -> None:
    yql = f"select doc_id from procore_record where {_OURS} and ({condition}) order by doc_id"
    assert client.found(yql) == [f"queried/{number}" for number in numbers]


def test_pages_follow_one_another_without_overlap(client: VespaClient) -> None:
    pages = [
        client.found(
            f"select doc_id from procore_record where {_OURS} order by project_id desc limit {end} offset {start}"
        )
        for start, end in ((0, 2), (2, 4))
    ]
    assert pages == [["queried/2", "queried/1"], ["queried/0", "queried/3"]]


def test_hit_shows_the_fields_of_the_document_and_its_id(client: VespaClient) -> None:
    root = client.search('select * from procore_record where doc_id contains "queried/1"')
    assert root["fields"]["totalCount"] == 1
    assert root["coverage"]["full"] is True
    hit = root["children"][0]
    assert hit["id"] == hit["fields"]["documentid"] == "id:queries:procore_record::queried/1"
    assert hit["fields"]["metadata"] == {"status": "Closed", "other": "Open"}
    assert hit["fields"]["relationships"][1]["target_doc_id"] == "companies/1"
    assert "source_partition" not in hit["fields"]  # attribute only, no summary


def test_query_over_several_types_finds_where_the_field_is(client: VespaClient) -> None:
    file = {"fields": {"file_id": "queried/9/f", "content_text": "the east elevation", "source_table": _TABLE}}
    assert client.ask("POST", client.path("queried/9/f", "procore_file"), file).status == 200
    both = f'where content_text contains "east" and {_OURS}'
    assert client.search(f"select * from sources procore_record, procore_file {both}")["fields"]["totalCount"] == 4
    assert client.search(f"select * from procore_file {both}")["fields"]["totalCount"] == 1


def test_grouping_counts_by_value(client: VespaClient) -> None:
    grouping = "all(group(project_id) each(output(count(), max(version))))"
    groups = client.search(f"select * from procore_record where {_OURS} limit 0 | {grouping}")["children"][0][
        "children"
    ][0]["children"]
    assert {group["value"]: (group["fields"]["count()"], group["fields"]["max(version)"]) for group in groups} == {
        "0": (2, 103),
        "1": (1, 101),
        "2": (1, 102),
    }


def test_document_with_more_of_the_words_comes_first(client: VespaClient) -> None:
    found = client.found(f'select doc_id from procore_record where {_OURS} and userInput("tower beams")')
    assert found == ["queried/2", "queried/1"]


@pytest.mark.parametrize(
    ("yql", "message"),
    [
        ('select * from procore_record where nope contains "x"', "Field 'nope' does not exist."),
        ("select * from procore_record where", "Could not create query from YQL"),
        ("select * from procore_record where true limit 500", "max hits allowed is 400"),
        ('select * from procore_record where doc_id contains fuzzy("x")', "does not serve FUZZY"),
    ],
)
def test_wrong_query_is_told(client: VespaClient, yql: str, message: str) -> None:
    assert message in client.search(yql)["errors"][0]["message"]
