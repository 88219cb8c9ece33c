"""The document API over our store: what operations do, as Vespa documents it."""

from __future__ import annotations

import pytest

from devstack.vespa import VespaServer
from tests.integration.devstack.vespa_client import VespaClient


@pytest.fixture
def client(faulty_vespa: VespaServer, vespa_namespace: str) -> VespaClient:
    return VespaClient(faulty_vespa.port, vespa_namespace)


def _visit(client: VespaClient, **parameters: object) -> list[str]:
    """The ids of all documents in the namespace, over as many pages as it takes."""
    ids: list[str] = []
    more: dict[str, object] = {}
    while True:
        page = client.ask("GET", client.path("")[: -len("/")], fieldSet="[id]", **parameters, **more).body
        ids += [document["id"].rpartition("::")[2] for document in page["documents"]]
        if "continuation" not in page:
            return ids
        more = {"continuation": page["continuation"]}


def test_newer_version_replaces_and_older_or_equal_is_412(client: VespaClient) -> None:
    assert client.put_newer("rfis/1", {"version": 5, "title": "five"}).status == 200
    assert client.put_newer("rfis/1", {"version": 4}).status == 412
    assert client.put_newer("rfis/1", {"version": 5}).status == 412
    assert client.put_newer("rfis/1", {"version": 6}).status == 200
    assert client.fields("rfis/1") == {"version": 6}


def test_null_guard_lets_a_document_without_version_be_written(client: VespaClient) -> None:
    client.put("rfis/1", {"title": "no version"})
    assert client.put("rfis/1", {"version": 1}, condition="procore_record.version < 1").status == 412
    assert client.put_newer("rfis/1", {"version": 1}).status == 200


def test_missing_document_takes_a_conditional_put_only_with_create(client: VespaClient) -> None:
    condition = "procore_record.version < 1"
    assert client.put("rfis/1", {"version": 1}, condition=condition).status == 412
    assert client.put("rfis/1", {"version": 1}, condition=condition, create="true").status == 200


def test_update_without_create_leaves_a_missing_document_missing(client: VespaClient) -> None:
    body = {"fields": {"title": {"assign": "x"}}}
    assert client.ask("PUT", client.path("rfis/1"), body).status == 200
    assert client.fields("rfis/1") is None
    assert client.ask("PUT", client.path("rfis/1"), body, create="true").status == 200
    assert client.fields("rfis/1") == {"title": "x"}


def test_update_changes_named_fields_and_map_entries_only(client: VespaClient) -> None:
    client.put("rfis/1", {"title": "old", "version": 3, "metadata": {"a": "1", "b": "2"}})
    changes = {"title": {"assign": "new"}, "metadata{b}": {"remove": 0}, "metadata{c}": {"assign": "3"}}
    assert client.ask("PUT", client.path("rfis/1"), {"fields": changes}).status == 200
    assert client.fields("rfis/1") == {"title": "new", "version": 3, "metadata": {"a": "1", "c": "3"}}


def test_remove_with_condition_is_412_when_not_met_or_missing(client: VespaClient) -> None:
    client.put("rfis/1", {"version": 5})
    assert client.ask("DELETE", client.path("rfis/1"), condition="procore_record.version < 5").status == 412
    assert client.ask("DELETE", client.path("rfis/1"), condition="procore_record.version < 6").status == 200
    assert client.ask("DELETE", client.path("rfis/1"), condition="procore_record.version < 6").status == 412


def test_document_already_expired_is_ignored(client: VespaClient) -> None:
    answer = client.put_newer("rfis/1", {"version": 6, "deleted": True, "expire_at": 1000})
    assert (answer.status, answer.headers.get("X-Vespa-Ignored-Operation")) == (200, "true")
    assert client.fields("rfis/1") is None


def test_document_goes_when_its_time_has_come(faulty_vespa: VespaServer, client: VespaClient) -> None:
    client.put("rfis/1", {"deleted": True, "expire_at": 90_000_000_000})
    client.put("rfis/2", {"version": 1})
    faulty_vespa.expire(89_999_999_999)
    assert client.fields("rfis/1") is not None
    faulty_vespa.expire(90_000_000_000)
    assert client.fields("rfis/1") is None
    assert client.fields("rfis/2") == {"version": 1}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"nope": 1}, "Field 'nope' is not defined in document type 'procore_record'"),
        ({"version": "abc"}, "Could not parse field 'version' of type long"),
        ({"title": "\x01"}, "illegal code point"),
    ],
)
def test_wrong_field_is_400_in_the_words_of_vespa(client: VespaClient, fields: dict[str, object], message: str) -> None:
    answer = client.put("rfis/1", fields)
    assert answer.status == 400
    assert message in answer.body["message"]


def test_visit_in_pages_and_slices_gives_each_document_once(client: VespaClient) -> None:
    written = {f"rfis/{number}" for number in range(60)}
    for doc_id in written:
        client.put(doc_id, {"version": 1})
    assert sorted(_visit(client, wantedDocumentCount=7)) == sorted(written)
    halves = [_visit(client, wantedDocumentCount=100, slices=2, sliceId=each) for each in (0, 1)]
    assert all(halves)
    assert sorted(halves[0] + halves[1]) == sorted(written)


def test_update_and_delete_where_strike_what_the_selection_names(client: VespaClient) -> None:
    for number in range(20):
        client.put(f"rfis/{number}", {"version": number, "title": "x"})
    everything = client.path("")[: -len("/")]
    change = {"fields": {"title": {"assign": "y"}}}
    where = {"cluster": "procore", "selection": "procore_record.version < 5"}
    assert client.ask("PUT", everything, change, **where).body["documentCount"] == 5
    assert client.fields("rfis/4") == {"version": 4, "title": "y"}
    assert client.fields("rfis/5") == {"version": 5, "title": "x"}
    assert client.ask("DELETE", everything, **where).status == 200
    assert sorted(_visit(client, wantedDocumentCount=100)) == sorted(f"rfis/{number}" for number in range(5, 20))
