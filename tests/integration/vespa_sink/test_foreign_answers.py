"""A proxy before Vespa answers in its place (rule V10): nothing is written, so nothing is passed."""

from __future__ import annotations

import asyncio
import gzip
import subprocess
import sys

import pytest

from schemas.errors import TransientError
from tests.integration.vespa_sink.proxy import LOG_IN, PAGE, Proxy, Reply
from tests.waiting import eventually
from vespa_sink.documents.identifiers import DocumentId
from vespa_sink.vespa.answers import Verdict, verdict
from vespa_sink.vespa.client import VespaClient
from vespa_sink.vespa.operations import Limits, conditional_put, conditional_remove, versioned_delete
from vespa_sink.vespa.searches import Index, rows_of_partition

_HTML = {"Content-Type": "text/html"}
_JSON = {"Content-Type": "application/json"}
REPLIES = {
    "302": LOG_IN,
    "303": Reply(303, headers={"Location": "/login"}),
    "308": Reply(308, headers={"Location": "/login"}),
    "a page": PAGE,
    "nothing": Reply(200),
    "other JSON": Reply(200, b'{"status":"ok"}', _JSON),
    "a page, compressed": Reply(200, gzip.compress(PAGE.body), {**_HTML, "Content-Encoding": "gzip"}),
    "404": Reply(404, b"default backend", _HTML),
    "412": Reply(412, b"<html>", _HTML),
    "429": Reply(429, b'{"message":"slow down"}', _JSON),
    "507": Reply(507, b"<html>", _HTML),
}
BROKEN = {
    "a body that is cut off": Reply(200, b'{"pathId":"/document', {**_JSON, "Content-Length": "5000"}),
    "no gzip": Reply(200, b"no gzip", {**_JSON, "Content-Encoding": "gzip"}),
}


def _answers(proxy: Proxy, namespace: str) -> list[Verdict]:
    """What a put, a delete and a remove come to."""

    async def send() -> list[Verdict]:
        client = VespaClient(proxy.url, query_url=proxy.url, connections=2, timeout_s=10)
        document, limits = DocumentId(namespace, "procore_record", "rows/1"), Limits()
        operations = (
            conditional_put(document, 5, {"doc_id": "rows/1", "version": 5}, limits),
            versioned_delete(document, 6, 2_000_000_000, limits),
            conditional_remove(document, 7, limits),
        )
        try:
            for question in (
                client.get(document.path),
                client.search(rows_of_partition(Index(namespace, "procore_record"), "rows", 0)),
            ):
                with pytest.raises(TransientError):
                    await question
            return [verdict(await client.send(each)) for each in operations]
        finally:
            await client.close()

    return asyncio.run(send())


@pytest.mark.rule("V10")
@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
def test_v10_no_reply_of_a_proxy_is_an_answer(proxy: Proxy, vespa_namespace: str, reply: Reply) -> None:
    proxy.front = lambda method, path: PAGE if path.startswith("/login") else reply
    assert _answers(proxy, vespa_namespace) == [Verdict.FOREIGN] * 3
    assert not [path for _, path in proxy.seen if path.startswith("/login")]


@pytest.mark.rule("V10")
@pytest.mark.parametrize("reply", BROKEN.values(), ids=BROKEN)
def test_v10_answer_that_cannot_be_read_is_none(proxy: Proxy, vespa_namespace: str, reply: Reply) -> None:
    proxy.front = lambda method, path: reply
    assert _answers(proxy, vespa_namespace) == [Verdict.RETRY] * 3


@pytest.mark.rule("V10")
def test_v10_log_in_page_before_vespa_swallows_nothing(feeder, index, make_sink, proxy) -> None:
    table = feeder.table("rows")
    sink = make_sink(proxy.url)
    version = feeder.put(table, {"id": 1, "title": "a", "project_id": 1})
    feeder.flush()
    eventually(lambda: index.version("rows/1") == version, what="the first row")
    eventually(
        lambda: {p: o for p, (o, _) in feeder.committed(sink.group, table).items()} == feeder.ends(table),
        what="its offset",
    )
    before = feeder.ends(table)
    proxy.log_in()
    versions = {row: feeder.put(table, {"id": row, "title": "SECRET", "project_id": 1}) for row in range(2, 102)}
    deleted = feeder.delete(table, 1)
    feeder.flush()
    eventually(
        lambda: "an answer that is not Vespa's (status 302, no content type)" in sink.ready()[1], what="a reason"
    )
    assert {p: o for p, (o, _) in feeder.committed(sink.group, table).items()} == before
    probed = len(proxy.seen)
    eventually(lambda: len(proxy.seen) > probed + 2, what="probes")
    assert {path.partition("?")[0].rpartition("/")[2] for _, path in proxy.seen[probed:]} == {"_rowferry%2Fprobe"}
    proxy.let_through()
    eventually(lambda: all(index.version(f"rows/{row}") == each for row, each in versions.items()), what="all rows")
    eventually(lambda: index.version("rows/1") == deleted, what="the delete")
    eventually(lambda: sink.ready()[0], what="readiness")
    assert feeder.dead_letters(sink.group) == []
    assert "SECRET" not in sink.log.read_text()


@pytest.mark.rule("V10")
def test_v10_sink_before_which_a_proxy_answers_does_not_start(feeder, make_sink, proxy) -> None:
    proxy.front = lambda method, path: PAGE
    sink = make_sink(proxy.url, start_timeout_s="1")
    assert sink.wait(60) == 69
    told = sink.log.read_text()
    assert "an answer that is not Vespa's (status 200, text/html)" in told
    assert "let vespa.url lead to Vespa" in told
    assert "please log in" not in told


def _check(url: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vespa_sink", "check", "--vespa.url", url]
    return subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)


@pytest.mark.remedy("let vespa.url lead to Vespa, to a container with <document-api/>")
@pytest.mark.rule("V10")
@pytest.mark.parametrize("reply", [LOG_IN, PAGE], ids=["redirect", "page"])
def test_v10_check_takes_no_proxy_for_an_index(proxy: Proxy, vespa, reply: Reply) -> None:
    proxy.front = lambda method, path: PAGE if path.startswith("/login") else reply
    done = _check(proxy.url)
    assert (done.returncode, done.stdout) == (69, "")
    assert "an answer that is not Vespa's" in done.stderr
    assert "let vespa.url lead to Vespa, to a container with <document-api/>" in done.stderr
    assert _check(vespa.url).returncode == 0
    proxy.let_through()
    assert _check(proxy.url).returncode == 0


@pytest.mark.remedy("let what stands before Vespa pass the sink by its address, or let vespa.url lead past it")
@pytest.mark.parametrize("status", [401, 403])
def test_proxy_that_asks_for_who_we_are_is_told(proxy: Proxy, vespa, status: int) -> None:
    proxy.front = lambda method, path: Reply(status, b"<html>", _HTML)
    done = _check(proxy.url)
    assert (done.returncode, done.stdout) == (77, "")
    assert "let what stands before Vespa pass the sink by its address, or let vespa.url lead past it" in done.stderr
    assert _check(vespa.url).returncode == 0
    proxy.let_through()
    assert _check(proxy.url).returncode == 0
