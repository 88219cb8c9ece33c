from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from devstack import s3
from devstack.errors import DevstackError
from devstack.s3 import S3Server
from tests.integration.devstack.sockets import listening_addresses
from tests.servers import S3Address, tell

# What objects are called when nobody thought of programs.
ODD_KEYS = {
    "escapes": "a b+c&d=%25#?e\u0301.pdf",
    "empty segment": "a//b.pdf",
    "dots": "../../etc/passwd",
    "leading slash": "/lead.pdf",
    "trailing slash": "dir/",
    "longest": "k" * 1024,
    "control": "tab\there.txt",
}


@pytest.mark.parametrize("key", ODD_KEYS.values(), ids=ODD_KEYS)
def test_object_with_an_odd_key_is_kept_under_it(s3: S3Address, s3_bucket: str, key: str) -> None:
    client = s3.client()
    client.put_object(Bucket=s3_bucket, Key=key, Body=key.encode())
    assert client.get_object(Bucket=s3_bucket, Key=key)["Body"].read() == key.encode()


def test_killed_server_comes_back_with_its_address_and_objects(own_s3: S3Server) -> None:
    before, client = own_s3.endpoint_url, own_s3.client()
    client.create_bucket(Bucket="kept")
    for key in ODD_KEYS.values():
        client.put_object(Bucket="kept", Key=key, Body=b"1")
    own_s3.kill()
    assert not own_s3.healthy()
    own_s3.restart()
    assert own_s3.endpoint_url == before
    kept = {entry["Key"] for entry in client.list_objects_v2(Bucket="kept")["Contents"]}
    assert kept == set(ODD_KEYS.values())


def test_it_listens_on_loopback_only_and_on_one_port(own_s3: S3Server) -> None:
    assert listening_addresses(own_s3.port) == {"127.0.0.1"}
    assert own_s3.record.ports == [own_s3.port]


def test_unsigned_requests_unknown_keys_and_changed_links_are_refused(s3: S3Address, s3_bucket: str) -> None:
    client = s3.client()
    client.put_object(Bucket=s3_bucket, Key="x.txt", Body=b"x")
    wanted = {"Bucket": s3_bucket, "Key": "x.txt"}
    link = client.generate_presigned_url("get_object", wanted, ExpiresIn=60)
    with urllib.request.urlopen(link, timeout=60) as answer:
        assert answer.read() == b"x"
    for refused in (link.partition("?")[0], link.replace("x.txt", "y.txt")):
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(refused, timeout=60)
        assert error.value.code == 403
        error.value.close()
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        S3Address(s3.endpoint_url, "nobody", "x").client().get_object(**wanted)


def test_user_has_the_rights_given_and_no_others(own_s3: S3Server) -> None:
    owner = own_s3.client()
    owner.create_bucket(Bucket="files")
    owner.put_object(Bucket="files", Key="x", Body=b"x")
    wanted = {"Bucket": "files", "Key": "x"}
    rights = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::files/*"}
    key_id, secret = own_s3.add_user("reader", [rights])
    reader = S3Address(own_s3.endpoint_url, key_id, secret).client()
    assert reader.get_object(**wanted)["Body"].read() == b"x"
    with pytest.raises(ClientError, match="AccessDenied"):
        reader.put_object(Body=b"y", **wanted)
    with pytest.raises(ClientError, match="AccessDenied"):
        reader.list_objects_v2(Bucket="files")
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        S3Address(own_s3.endpoint_url, key_id, "guessed").client().get_object(**wanted)


def test_bucket_of_a_test_is_empty(s3: S3Address, s3_bucket: str) -> None:
    assert s3.client().list_objects_v2(Bucket=s3_bucket)["KeyCount"] == 0


def test_new_folder_is_filled_before_the_start_and_a_used_one_is_not(tmp_path: Path) -> None:
    calls: list[Path] = []
    for _ in range(2):
        with s3.start(tmp_path / "s3", calls.append, say=tell) as server:
            assert server.healthy()
    assert calls == [tmp_path / "s3" / "data"]


def test_server_that_cannot_be_installed_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = tmp_path / "requirements.txt"
    wrong.write_text("ministack==0 --hash=sha256:00\n")
    monkeypatch.setenv("ROWFERRY_DEVSTACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(s3, "DEFAULT_REQUIREMENTS", wrong)
    with pytest.raises(DevstackError, match=r"^pip failed for the S3 server: [^\n]+\.log\)$"):
        s3.start(tmp_path / "data", say=tell)
