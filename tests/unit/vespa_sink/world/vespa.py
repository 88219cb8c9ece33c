"""
Vespa in memory: documents of /document/v1 with conditional writes, and the searches that the sink makes.

`tests/integration/vespa_sink/test_vespa_contract.py` holds it against the real one. Beyond that it can answer late, or
not at all, or less than everything.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import orjson

from schemas.errors import TransientError
from vespa_sink.vespa.answers import IGNORED_OPERATION, NO_ANSWER, Answer, answer_of
from vespa_sink.vespa.operations import Operation

Fields = dict[str, Any]
_DONE = b'{"pathId":"/document/v1/ns/procore_record/docid/x","id":"id:ns:procore_record::x"}'
_CONDITION = re.compile(r"(?:(\w+)\.version == null or )?(\w+)\.version < (-?\d+)")
_QUERY = re.compile(
    r'select (?P<field>\w+) from (?P<type>\w+) where namespace contains "(?P<namespace>[^"]*)" '
    r'and source_table contains "(?P<table>[^"]*)" and source_partition = (?P<partition>\d+)'
    r"(?: and version < (?P<below>\d+)L)?(?: and !\(doc_id in \((?P<besides>.*)\)\))? limit (?P<limit>\d+)"
)


@dataclass
class Fate:
    """
    What becomes of one write.

    `status`: of an answer that comes before the write has an effect; `foreign`: it is not Vespa's. `lost`: it has its
    effect, and no answer comes. `late_s`: no answer comes, and it has its effect so much later.
    """

    status: int | None = None
    message: str = ""
    foreign: str = ""
    lost: bool = False
    late_s: float | None = None


@dataclass
class FakeVespa:
    """
    A `VespaClient` and the server behind it.

    `fates` are those of the next writes, probes excepted, one each. While `held` is set, writes wait. `coverage`: of
    the next searches, one each; below 100 nothing is found. `behind_search`: called behind the next searches.
    `rejects`: why a write is rejected, or None. `fails`: what becomes of a write each time, or None; `away`: likewise,
    by the document's name, of all that is sent to it. `front`: what a proxy before it answers to everything: status,
    type and body.
    """

    now_s: Callable[[], float]
    url: str = "http://vespa:8080"
    longest_request_s: float = 15.0
    documents: dict[str, Fields] = field(default_factory=dict)
    fates: list[Fate] = field(default_factory=list)
    coverage: list[int] = field(default_factory=list)
    rejects: Callable[[Operation], str | None] = lambda operation: None
    fails: Callable[[Operation], Fate | None] = lambda operation: None
    away: Callable[[str], Fate | None] = lambda user: None
    behind_search: list[Callable[[], None]] = field(default_factory=list)
    sent: list[Operation] = field(default_factory=list)
    searches: list[str] = field(default_factory=list)
    probes: int = 0
    down: bool = False
    front: tuple[int, str, bytes] | None = None
    held: bool = False
    waiting: int = 0
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    # -- the client

    async def send(self, operation: Operation) -> Answer:
        await asyncio.sleep(0)
        if operation.version == 0:
            self.probes += 1
            if self.down:
                return Answer(NO_ANSWER, message="Connection refused")
            away = self.away(operation.document.user)
            if away is not None and away.status is not None:
                return Answer(away.status, message=away.message)
            return self._fronted() or self._apply(operation)
        self.sent.append(operation)
        if self.held:
            self.waiting += 1
            await self._released.wait()
            self.waiting -= 1
        if self.down:
            return Answer(NO_ANSWER, message="Connection refused")
        if fronted := self._fronted():
            return fronted
        fate = (
            self.fates.pop(0) if self.fates else self.away(operation.document.user) or self.fails(operation) or Fate()
        )
        if fate.status is not None:
            return Answer(fate.status, message=fate.message, foreign=fate.foreign)
        if fate.late_s is not None:
            asyncio.get_running_loop().call_later(fate.late_s, self._apply, operation)
            return Answer(NO_ANSWER, message="TimeoutError")
        answer = self._apply(operation)
        return Answer(NO_ANSWER, message="ServerDisconnectedError") if fate.lost else answer

    async def search(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        await asyncio.sleep(0)
        self.searches.append(body["yql"])
        if self.down or self.front:
            raise TransientError("expected Vespa to answer, got nothing")
        coverage = self.coverage.pop(0) if self.coverage else 100
        hits = self._found(body) if coverage == 100 else []
        if self.behind_search:
            self.behind_search.pop(0)()
        return {"root": {"coverage": {"coverage": coverage}, "children": [{"fields": each} for each in hits]}}

    async def get(self, path: str) -> Mapping[str, Any]:
        await asyncio.sleep(0)
        found = self.documents.get(_name(path))
        return {} if found is None else {"fields": {"version": found["version"]} if "version" in found else {}}

    async def close(self) -> None:
        """Nothing is open."""

    # -- what a test makes and looks at

    def hold_row(self, key: int, title: str, version: int, partition: int = 0) -> None:
        """Have a row in the index that this sink has not written."""
        self.documents[f"id:ns:procore_record::rows/{key}"] = {
            "doc_id": f"rows/{key}",
            "namespace": "ns",
            "source_table": "rows",
            "source_partition": partition,
            "version": version,
            "metadata": {"title": title},
        }

    def release(self) -> None:
        """Let all writes go that are held."""
        self.held = False
        self._released.set()
        self._released = asyncio.Event()

    def actions(self) -> list[tuple[str, str, int]]:
        """What was sent: action, id, version."""
        return [(each.action.value, each.document.user, each.version) for each in self.sent]

    # -- the server

    def _fronted(self) -> Answer | None:
        if self.front is None:
            return None
        status, content_type, body = self.front
        return answer_of(status, {"Content-Type": content_type}, body)

    def _apply(self, operation: Operation) -> Answer:
        parts = urlsplit(operation.target)
        query = {name: values[0] for name, values in parse_qs(parts.query, strict_parsing=True).items()}
        name = _name(parts.path)
        stored = self.documents.get(name)
        creates = stored is None and query.get("create") == "true"
        if reason := self.rejects(operation):
            return Answer(400, message=reason)
        fields: Fields = orjson.loads(operation.body or b'{"fields":{}}')["fields"]
        if "expire_at" in fields and fields["expire_at"] <= self.now_s():
            # What the application drops is not looked at any further.
            return answer_of(200, {IGNORED_OPERATION: "true"}, _DONE)
        if not creates and not _holds(query["condition"], operation.document.type, stored):
            return Answer(412)
        if operation.method == "DELETE":
            self.documents.pop(name, None)
        else:
            self.documents[name] = fields
        return answer_of(200, {}, _DONE)

    def _found(self, body: Mapping[str, Any]) -> list[Fields]:
        query = _QUERY.fullmatch(body["yql"])
        assert query is not None, f"expected a query of the sink, got {body['yql']!r}"
        below = float(query["below"] or "inf")
        besides = orjson.loads(f"[{query['besides'] or ''}]")
        found = [
            {query["field"]: fields.get(query["field"])}
            for name, fields in sorted(self.documents.items())
            if name.split(":")[2] == query["type"]
            and fields.get("namespace") == query["namespace"]
            and fields.get("source_table") == query["table"]
            and fields.get("source_partition") == int(query["partition"])
            and fields.get("version", float("inf")) < below
            and fields.get("doc_id", "") not in besides
        ]
        return found[: min(int(query["limit"]), int(body["hits"]))]


def _name(path: str) -> str:
    """The id of the document at a path."""
    _, _, _, namespace, document_type, _, user = urlsplit(path).path.split("/")
    return f"id:{unquote(namespace)}:{unquote(document_type)}::{unquote(user)}"


def _holds(condition: str, document_type: str, stored: Fields | None) -> bool:
    """Whether a document is there on which a condition holds."""
    match = _CONDITION.fullmatch(condition)
    assert match is not None, f"expected a condition of the sink, got {condition!r}"
    unversioned, named, below = match.groups()
    assert named == document_type
    if stored is None:
        return False
    version = stored.get("version")
    return unversioned is not None if version is None else version < int(below)
