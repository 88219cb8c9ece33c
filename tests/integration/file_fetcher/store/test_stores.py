"""What every store does: the same tests on a folder and on a real bucket."""

from __future__ import annotations

import threading

import pytest

from file_fetcher.failures import Blocked
from file_fetcher.settings import S3Settings
from file_fetcher.store.opening import open_store
from schemas.errors import SettingsError, Unreachable
from tests.s3_faults import serving


@pytest.fixture(params=["folder", "bucket"])
def store(request, tmp_path):
    if request.param == "folder":
        return open_store("", tmp_path, S3Settings())
    s3 = request.getfixturevalue("s3")
    return open_store(f"s3://{request.getfixturevalue('s3_bucket')}/kept", tmp_path, settings_of(s3))


def settings_of(s3, **others) -> S3Settings:
    return S3Settings(
        endpoint_url=s3.endpoint_url,
        region=s3.region,
        access_key_id=s3.access_key_id,
        secret_access_key=s3.secret_access_key,
        **others,
    )


def kept(store, name):
    with store.get(name) as path:
        return None if path is None else path.read_bytes()


def test_file_is_kept_and_gone_from_its_path(store, tmp_path):
    path = tmp_path / "download"
    path.write_bytes(b"beam" * 100_000)
    uri = store.put("objects/ab/cd/abcd", path)
    assert uri == store.uri("objects/ab/cd/abcd")
    assert uri.endswith("/objects/ab/cd/abcd")
    assert not path.exists()
    assert store.exists("objects/ab/cd/abcd")
    assert kept(store, "objects/ab/cd/abcd") == b"beam" * 100_000


def test_what_was_not_kept_is_not_there(store):
    assert not store.exists("objects/ab/cd/abcd")
    assert kept(store, "objects/ab/cd/abcd") is None


def test_file_that_is_there_may_be_put_again(store, tmp_path):
    for _ in range(2):
        path = tmp_path / "download"
        path.write_bytes(b"beam")
        assert store.put("objects/a", path) == store.uri("objects/a")
        assert not path.exists()
    assert kept(store, "objects/a") == b"beam"


def test_an_empty_file_is_kept(store, tmp_path):
    (tmp_path / "download").write_bytes(b"")
    store.put("objects/a", tmp_path / "download")
    assert kept(store, "objects/a") == b""


def test_same_file_from_many_threads_is_kept_once(store, tmp_path):
    def put(number: int) -> None:
        path = tmp_path / f"download{number}"
        path.write_bytes(b"beam" * 1_000)
        store.put("objects/a", path)

    threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kept(store, "objects/a") == b"beam" * 1_000
    assert list(tmp_path.glob("download*")) == []


def test_check_of_a_store_that_works_leaves_nothing(store, request, tmp_path):
    store.check()
    if "bucket" in request.node.name:
        client, bucket = request.getfixturevalue("s3").client(), request.getfixturevalue("s3_bucket")
        assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
        client.close()
    else:
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_a_killed_process_left_goes_at_the_start(s3, s3_bucket, tmp_path):
    left = tmp_path / "store-tmp" / "tmpabc" / "content"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"beam")
    open_store(f"s3://{s3_bucket}", tmp_path, settings_of(s3))
    assert list((tmp_path / "store-tmp").iterdir()) == []


@pytest.mark.remedy("look at s3.endpoint_url, s3.endpoint_of and the AWS_ variables (a profile that is not there?)")
def test_profile_that_is_not_there_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    with pytest.raises(SettingsError, match=r"'files'.*ProfileNotFound"):
        open_store("s3://files/x", tmp_path, S3Settings())
    monkeypatch.delenv("AWS_PROFILE")
    assert open_store("s3://files/x", tmp_path, S3Settings())


def test_bucket_that_is_not_there_is_told(s3, tmp_path):
    store = open_store("s3://no-such-bucket-here/x", tmp_path, settings_of(s3))
    with pytest.raises(SettingsError, match=r"no-such-bucket-here.*NoSuchBucket"):
        store.check()
    (tmp_path / "download").write_bytes(b"beam")
    with pytest.raises(Blocked) as raised:
        store.put("objects/a", tmp_path / "download")
    assert raised.value.reason == "no_such_bucket"


@pytest.mark.remedy("check s3.endpoint_url, the server and the network")
def test_server_that_does_not_answer_is_told(s3, s3_bucket, tmp_path):
    settings = settings_of(s3, endpoint_of={"files": "http://127.0.0.1:1"})
    store = open_store("s3://files/x", tmp_path, settings)
    with pytest.raises(Unreachable, match=r"'files'.*EndpointConnectionError"):
        store.check()
    with pytest.raises(Blocked) as raised:
        store.exists("objects/a")
    assert raised.value.reason == "network"
    open_store(f"s3://{s3_bucket}/x", tmp_path, settings_of(s3)).check()


@pytest.mark.remedy("give the credentials s3:PutObject and s3:GetObject in it and s3:ListBucket on it")
def test_store_without_credentials_is_told(s3, s3_bucket, tmp_path, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    nobody = S3Settings(endpoint_url=s3.endpoint_url, region=s3.region)
    with pytest.raises(SettingsError) as caught:
        open_store(f"s3://{s3_bucket}/x", tmp_path, nobody).check()
    assert "or set store_url" in str(caught.value.remedy)
    open_store(f"s3://{s3_bucket}/x", tmp_path, settings_of(s3)).check()
    open_store(str(tmp_path / "kept"), tmp_path, nobody).check()


def test_bucket_that_is_elsewhere_and_does_not_say_where_is_told(tmp_path):
    """Red where botocore asks for the bucket's place by a question that is sent away itself."""
    with serving() as server:
        server.region, server.names_region = "eu-west-1", False
        options = {"endpoint_url": server.url, "access_key_id": "test", "secret_access_key": "test"}
        store = open_store("s3://files/x", tmp_path, S3Settings(**options, region="us-west-2"))
        with pytest.raises(Blocked):
            store.exists("objects/a")
        server.put("files", "x/objects/a", b"beam")
        assert open_store("s3://files/x", tmp_path, S3Settings(**options, region="eu-west-1")).exists("objects/a")
