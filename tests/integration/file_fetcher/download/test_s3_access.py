"""How the settings reach a store: credentials, regions, endpoints, keys."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from file_fetcher.download.downloader import Downloader
from file_fetcher.download.sources import S3Object
from file_fetcher.failures import Blocked, Failed
from file_fetcher.settings import FetcherSettings, S3Settings
from schemas.errors import SettingsError
from tests.integration.file_fetcher.download.certificates import certificates
from tests.integration.file_fetcher.download.conftest import BUCKET, DATA, SHORT_S, make_settings
from tests.s3_faults import Fault, serving

SHA256 = hashlib.sha256(DATA).hexdigest()
ODD_KEYS = [
    "a b+c&d=%25#?e\u0301.pdf",
    "a//b.pdf",
    "../../etc/passwd",
    "x/../y",
    "./dot",
    "/lead.pdf",
    "trail/",
    "tab\there",
    "a\\b",
    "quotes'\"`",
    "{}[]<>^|~*!$@,;:",
    "\u65e5\u672c.pdf",
    "\U0001f3d7.pdf",
    "no\u00a0break",
    "%2F%2E%2E%2F",
    "k" * 1024,
]


@pytest.mark.parametrize("key", ODD_KEYS)
def test_key_is_asked_for_as_it_is(server, store, key):
    data = key.encode()
    for neighbour in (key.strip("/"), key.replace("//", "/"), "lead.pdf", "y", "dot", "etc/passwd"):
        server.put(BUCKET, neighbour, b"another object")
    server.put(BUCKET, key, data)
    store.get(key)
    assert store.target.read_bytes() == data


def test_a_key_that_no_object_can_have_is_not_asked_for(server, store):
    for key, reason in {"k" * 1025: "key_too_long", "\ud800": "not_found"}.items():
        with pytest.raises(Failed) as caught:
            store.get(key)
        assert caught.value.reason == reason
    assert server.requests == []


def test_many_threads_share_a_downloader(server, store, tmp_path):
    sums = {
        key: server.put(BUCKET, key, DATA[number : number + 70_000]) for number, key in enumerate("abcdefghijklmnop")
    }

    def fetch(key):
        got = store.downloader.download(S3Object(BUCKET, key), tmp_path / key, cancelled=lambda: False)
        return got.sha256, hashlib.sha256((tmp_path / key).read_bytes()).hexdigest()

    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(fetch, sums)) == [(value, value) for value in sums.values()]


def test_a_version_is_asked_for(server, store):
    server.put(BUCKET, "a.pdf", DATA, x_amz_version_id="v7")
    assert store.of(S3Object(BUCKET, "a.pdf", "v7")).version_id == "v7"
    assert "versionId=v7" in server.requests[-1].query


@pytest.mark.parametrize(("patterns", "sent"), [(["site-*"], "requester"), (["other"], None)])
def test_the_requester_pays_where_the_settings_say_so(server, engine, fetching, patterns, sent):
    server.put(BUCKET, "a.pdf", DATA)
    fetching(make_settings(server.url, engine=engine, requester_pays=patterns)).get()
    assert server.requests[-1].headers.get("x-amz-request-payer") == sent


def test_buckets_have_endpoints_of_their_own(server, engine, fetching):
    with serving() as other:
        other.put("photos", "a.jpg", b"elsewhere")
        server.put(BUCKET, "a.pdf", DATA)
        store = fetching(make_settings(server.url, engine=engine, endpoint_of={"pho*": other.url}))
        assert store.get().sha256 == SHA256
        assert store.of(S3Object("photos", "a.jpg")).size_bytes == 9
        assert (len(server.requests), len(other.requests)) == (1, 1)


def region_of(request):
    return request.headers["authorization"].split("/")[2]


def test_requests_are_signed_for_the_bucket_s_region(server, engine, fetching):
    server.put(BUCKET, "a.pdf", DATA)
    fetching(make_settings(server.url, engine=engine, region="eu-west-1", region_of={BUCKET: "ap-south-1"})).get()
    fetching(make_settings(server.url, engine=engine, region="eu-west-1")).get()
    assert [region_of(request) for request in server.requests] == ["ap-south-1", "eu-west-1"]


def test_a_wrong_region_is_learnt_once(server, engine, fetching):
    server.put(BUCKET, "a.pdf", DATA)
    server.region = "eu-west-1"
    store = fetching(make_settings(server.url, engine=engine, region="us-west-2"))
    assert [store.get().sha256 for _ in range(3)] == [SHA256] * 3
    assert [region_of(request) for request in server.requests[-3:]] == ["eu-west-1"] * 3


@pytest.mark.remedy("correct s3.region, or s3.region_of for this bucket")
def test_a_wrong_region_that_cannot_be_learnt_is_told(server, engine, fetching):
    server.put(BUCKET, "a.pdf", DATA)
    server.region, server.names_region = "eu-west-1", False
    with pytest.raises(Blocked, match="region of the settings") as caught:
        fetching(make_settings(server.url, engine=engine, region="us-west-2")).get()
    assert (caught.value.reason, caught.value.remedy) == (
        "network",
        "correct s3.region, or s3.region_of for this bucket",
    )
    assert fetching(make_settings(server.url, engine=engine, region="eu-west-1")).get().sha256 == SHA256
    of_bucket = {"region": "us-west-2", "region_of": {BUCKET: "eu-west-1"}}
    assert fetching(make_settings(server.url, engine=engine, **of_bucket)).get().sha256 == SHA256


@pytest.mark.parametrize("wrong", [{"region": "eu west"}, {"region_of": {BUCKET: "eu west"}}], ids=list)
def test_what_is_no_region_is_told(server, fetching, wrong):
    server.put(BUCKET, "a.pdf", DATA)
    with pytest.raises(Blocked, match=r"expected s3\.region to name a region, got 'eu west'") as caught:
        fetching(make_settings(server.url, engine="boto3", **wrong)).get()
    assert caught.value.remedy == "correct s3.region, or s3.region_of for this bucket"
    assert fetching(make_settings(server.url, engine="boto3")).get().sha256 == SHA256


@pytest.mark.remedy("correct s3.endpoint_url, or s3.endpoint_of for this bucket")
def test_an_endpoint_that_no_server_can_have_is_told(server, fetching):
    server.put(BUCKET, "a.pdf", DATA)
    odd = "http://object_store:9000"  # a name that Docker gives, and DNS does not know
    for wrong in ({"endpoint_url": odd}, {"endpoint_of": {BUCKET: odd}}):
        with pytest.raises(
            Blocked, match=r"expected s3\.endpoint_url to be the URL of a store, got ValueError"
        ) as caught:
            fetching(make_settings(server.url, engine="boto3", **wrong)).get()
        assert caught.value.remedy == "correct s3.endpoint_url, or s3.endpoint_of for this bucket"
    for right in ({"endpoint_url": server.url}, {"endpoint_url": odd, "endpoint_of": {BUCKET: server.url}}):
        assert fetching(make_settings(server.url, engine="boto3", **right)).get().sha256 == SHA256


def test_credentials_come_from_the_chain(server, engine, fetching, monkeypatch):
    server.put(BUCKET, "a.pdf", DATA)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "chained")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    fetching(make_settings(server.url, engine=engine, access_key_id="", secret_access_key=None)).get()
    headers = server.requests[-1].headers
    assert "Credential=chained/" in headers["authorization"]
    assert headers["x-amz-security-token"] == "token"


@pytest.mark.remedy("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile or role")
@pytest.mark.parametrize("options", [{}, {"region": ""}, {"region": "", "endpoint_url": ""}], ids=len)
def test_no_credentials_block_everything(server, engine, fetching, options, monkeypatch):
    settings = {"engine": engine, "access_key_id": "", "secret_access_key": None, "endpoint_url": server.url} | options
    store = fetching(FetcherSettings(s3=S3Settings(**settings)))
    with pytest.raises(Blocked) as caught:
        store.get()
    assert caught.value.reason == "access_denied"
    assert "AWS_ACCESS_KEY_ID" in str(caught.value.remedy)
    assert server.requests == []
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "chained")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    server.put(BUCKET, "a.pdf", DATA)
    named = settings | {"endpoint_url": server.url, "region": "us-east-1"}
    assert fetching(FetcherSettings(s3=S3Settings(**named))).get().sha256 == SHA256


def test_a_role_that_may_not_be_taken_blocks_everything(server, engine, fetching, monkeypatch, tmp_path):
    server.put(BUCKET, "a.pdf", DATA)
    (tmp_path / "config").write_text(
        "[profile base]\naws_access_key_id = base\naws_secret_access_key = secret\n"
        "[default]\nrole_arn = arn:aws:iam::123456789012:role/reader\nsource_profile = base\nregion = us-east-1\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
    server.fail(Fault(times=None, status=403, code="AccessDenied"))
    store = fetching(make_settings(server.url, engine=engine, access_key_id="", secret_access_key=None))
    with pytest.raises(Blocked) as caught:
        store.get()
    assert caught.value.reason == "access_denied"
    assert {request.method for request in server.requests} == {"POST"}


@pytest.mark.remedy("set credentials that this store takes")
def test_credentials_that_were_refused_are_read_anew(server, engine, fetching, monkeypatch):
    server.put(BUCKET, "a.pdf", DATA)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "old")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    store = fetching(make_settings(server.url, engine=engine, access_key_id="", secret_access_key=None))
    server.fail(Fault(times=2, status=403, code="InvalidAccessKeyId"))
    with pytest.raises(Blocked) as caught:
        store.get()
    assert caught.value.remedy == "set credentials that this store takes"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "new")
    assert store.get().sha256 == SHA256
    assert "Credential=new/" in server.requests[-1].headers["authorization"]


def test_an_access_key_needs_its_secret():
    with pytest.raises(SettingsError, match=r"s3\.secret_access_key"):
        Downloader(FetcherSettings(s3=S3Settings(access_key_id="key")))


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://nowhere.invalid"])
def test_a_store_that_does_not_answer_blocks(engine, fetching, url):
    with pytest.raises(Blocked) as caught:
        fetching(make_settings(url, engine=engine, connect_timeout_s=SHORT_S)).get()
    assert caught.value.reason == "network"


def test_what_only_boto3_can_reach_is_left_to_it(tmp_path, fetching, monkeypatch):
    made = certificates(tmp_path, "localhost")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(made.authority))
    with serving(made.server) as server:
        server.put(BUCKET, "a.pdf", DATA)
        store = fetching(make_settings(f"https://localhost:{server.port}", engine="obstore"))
        assert {store.get().engine for _ in range(7)} == {"boto3"}
        assert {request.headers["user-agent"].split("/")[0] for request in server.requests} == {"Boto3"}


def test_probe_tells_what_a_bucket_answers(server, store):
    server.put(BUCKET, "a.pdf", DATA)
    probe = store.downloader.probe(BUCKET)
    assert (probe.reachable, probe.trouble) == (True, "")
    assert (probe.endpoint, probe.region, probe.bucket_region) == (server.url, "us-east-1", "us-east-1")
    assert (probe.head, probe.list, probe.get) == ("ok", "ok", "NoSuchKey")
    assert probe.clock_skew_s is not None
    assert abs(probe.clock_skew_s) < 30


def test_probe_tells_missing_rights(server, store):
    server.put(BUCKET, "a.pdf", DATA)
    denied = Fault(status=403, code="AccessDenied")
    server.fail(denied, denied, Fault(status=403, code="InvalidAccessKeyId"))
    probe = store.downloader.probe(BUCKET)
    assert (probe.reachable, probe.head, probe.list, probe.get) == (True, "403", "AccessDenied", "InvalidAccessKeyId")


def test_probe_tells_a_bucket_that_is_not_there(server, store):
    assert store.downloader.probe("nowhere").head == "404"


def test_probe_tells_a_clock_that_is_wrong(server, store):
    server.put(BUCKET, "a.pdf", DATA)
    server.fail(Fault(status=200, body=b"", headers={"date": "Thu, 01 Jan 2026 00:00:00 GMT"}))
    assert store.downloader.probe(BUCKET).clock_skew_s > 86_400


def test_probe_tells_that_nothing_answers(fetching):
    probe = fetching(make_settings("http://127.0.0.1:1")).downloader.probe(BUCKET)
    assert (probe.reachable, probe.trouble) == (False, "EndpointConnectionError")
