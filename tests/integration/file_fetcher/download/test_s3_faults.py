"""What goes wrong between a store and a file, with both engines: the file is exact, or it is not there."""

from __future__ import annotations

import gzip
import hashlib

import pytest

from file_fetcher.failures import Blocked, Cancelled, Failed, FetchProblem, Later, Skipped, Throttled
from file_fetcher.store.disk import FREE_SPACE
from tests.integration.file_fetcher.download.conftest import BUCKET, DATA, SHORT_S, make_settings
from tests.s3_faults import Fault, checksum

SHA256 = hashlib.sha256(DATA).hexdigest()
OTHER = bytes(reversed(DATA))


def put(server, data=DATA, key="a.pdf", **headers):
    return server.put(BUCKET, key, data, **headers)


def sha256_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fails(store, kind, reason, key="a.pdf"):
    """The download fails like this, and leaves no file."""
    with pytest.raises(FetchProblem) as caught:
        store.get(key)
    assert isinstance(caught.value, kind)
    assert caught.value.reason == reason
    assert not store.target.exists()
    return caught.value


def test_object_arrives_exactly(server, store, engine):
    put(server, content_type="application/pdf")
    got = store.get()
    assert (got.size_bytes, got.sha256, sha256_of(store.target)) == (3_000_000, SHA256, SHA256)
    assert (got.engine, got.declared_type, got.throttled) == (engine, "application/pdf", 0)
    assert got.etag == f'"{hashlib.md5(DATA).hexdigest()}"'
    assert [request.method for request in server.requests] == ["GET"]


def test_throttled_three_times_it_arrives(server, store):
    put(server)
    server.fail(Fault(times=3, status=503, code="SlowDown"))
    got = store.get()
    assert (got.sha256, got.throttled) == (SHA256, 3)


def test_always_throttled_is_told(server, store):
    put(server)
    server.fail(Fault(times=None, status=503, code="SlowDown"))
    fails(store, Throttled, "throttled")
    assert len(server.requests) == 5


def test_a_server_error_passes(server, store):
    put(server)
    server.fail(Fault(status=500, code="InternalError"), Fault(status=502, body=b"<html>bad gateway</html>"))
    assert store.get().sha256 == SHA256


def test_a_lasting_server_error_is_for_later(server, store):
    put(server)
    server.fail(Fault(times=None, status=500, code="InternalError"))
    fails(store, Later, "network")


@pytest.mark.parametrize(
    ("status", "code", "kind", "reason"),
    [
        (404, "NoSuchKey", Later, "not_found"),
        (404, "NoSuchVersion", Later, "not_found"),
        (404, "NoSuchBucket", Blocked, "no_such_bucket"),
        (400, "KeyTooLongError", Failed, "key_too_long"),
        (400, "InvalidRequest", Failed, "bad_answer"),
        (403, "AccessDenied", Later, "access_denied"),
        (403, "InvalidObjectState", Skipped, "archived"),
        (403, "InvalidAccessKeyId", Blocked, "access_denied"),
        (403, "SignatureDoesNotMatch", Blocked, "access_denied"),
        (403, "RequestTimeTooSkewed", Blocked, "access_denied"),
        (400, "ExpiredToken", Blocked, "access_denied"),
    ],
)
def test_answer_means_what_it_says(server, store, status, code, kind, reason):
    put(server)
    server.fail(Fault(times=None, status=status, code=code, message="secret words of the store"))
    problem = fails(store, kind, reason)
    assert "secret words" not in str(problem)


def test_an_answer_without_words_is_understood(server, store):
    put(server)
    server.fail(Fault(times=None, status=403, body=b""))
    fails(store, Later, "access_denied")


def test_a_signature_refused_for_one_key_does_not_block_the_bucket(server, store):
    put(server)
    server.fail(Fault(status=403, code="SignatureDoesNotMatch"))
    fails(store, Later, "access_denied")


@pytest.mark.parametrize("break_off", [{"cut_after": 1_300_000}, {"stall_after": 1_300_000}], ids=["cut", "stall"])
def test_a_broken_body_goes_on_where_it_stopped(server, fetching, engine, break_off):
    store = fetching(make_settings(server.url, engine=engine, read_timeout_s=SHORT_S))
    put(server)
    server.fail(Fault(**break_off))
    assert (store.get().sha256, sha256_of(store.target)) == (SHA256, SHA256)
    resumed = server.requests[-1].headers
    assert int(resumed["range"].removeprefix("bytes=").removesuffix("-")) <= 1_300_000
    assert resumed["if-match"] == f'"{hashlib.md5(DATA).hexdigest()}"'


def test_a_reset_connection_costs_no_byte(server, store):
    put(server)
    server.fail(Fault(times=2, reset_after=1_300_000))
    assert (store.get().sha256, sha256_of(store.target)) == (SHA256, SHA256)


def test_a_body_broken_before_its_first_byte_arrives(server, store):
    put(server)
    server.fail(Fault(cut_after=0), Fault(reset_after=0))
    assert store.get().sha256 == SHA256


def test_a_body_broken_three_times_arrives(server, store):
    put(server)
    server.fail(Fault(times=3, cut_after=1_100_000))
    assert (store.get().sha256, sha256_of(store.target)) == (SHA256, SHA256)


def test_a_body_that_always_breaks_is_for_later(server, store):
    put(server)
    server.fail(Fault(times=None, cut_after=10))
    fails(store, Later, "network")
    assert len(server.requests) == 5


def test_an_object_replaced_meanwhile_is_read_anew(server, store):
    put(server)
    server.fail(Fault(cut_after=1_300_000, becomes=OTHER))
    got = store.get()
    assert got.sha256 == sha256_of(store.target) == hashlib.sha256(OTHER).hexdigest()
    assert got.etag == f'"{hashlib.md5(OTHER).hexdigest()}"'


def test_an_object_replaced_again_and_again_is_for_later(server, store):
    put(server)
    server.fail(Fault(cut_after=1_300_000, becomes=OTHER), Fault(kind="whole", cut_after=1_300_000, becomes=DATA))
    fails(store, Later, "changed_while_read")


def test_a_server_that_ignores_ranges_gives_the_object_once(server, store):
    put(server)
    server.fail(Fault(cut_after=1_300_000), Fault(times=None, kind="ranged", ignores_range=True))
    assert (store.get().sha256, sha256_of(store.target)) == (SHA256, SHA256)


@pytest.mark.parametrize("algorithm", ["crc32", "sha1", "sha256"])
def test_a_wrong_checksum_is_found_by_boto3(server, fetching, algorithm):
    put(server, **{f"x_amz_checksum_{algorithm}": checksum(algorithm, OTHER)})
    fails(fetching(make_settings(server.url, engine="boto3")), Later, "checksum_mismatch")


@pytest.mark.parametrize("algorithm", ["crc32", "sha1", "sha256"])
def test_a_file_in_pieces_is_compared_with_the_checksum(server, fetching, algorithm):
    store = fetching(make_settings(server.url, engine="boto3"))
    put(server, **{f"x_amz_checksum_{algorithm}": checksum(algorithm, DATA)})
    server.fail(Fault(cut_after=1_300_000))
    assert store.get().sha256 == SHA256
    put(server, **{f"x_amz_checksum_{algorithm}": checksum(algorithm, OTHER)})
    server.fail(Fault(cut_after=1_300_000))
    fails(store, Later, "checksum_mismatch")


def test_bytes_stay_as_they_are_stored(server, store):
    packed = gzip.compress(b"0" * 1_000_000)
    put(server, packed, content_encoding="gzip")
    assert (store.get().size_bytes, store.target.read_bytes()) == (len(packed), packed)


def test_an_object_without_bytes_is_skipped(server, store):
    put(server, b"")
    fails(store, Skipped, "empty")


def test_a_folder_is_no_file(server, store):
    put(server, b"", key="drawings/")
    fails(store, Skipped, "not_a_file", key="drawings/")


def test_a_large_object_is_not_read(server, fetching, engine):
    store = fetching(make_settings(server.url, engine=engine, max_bytes=2_999_999))
    put(server)
    server.fail(Fault(stall_after=0))
    fails(store, Skipped, "too_large")


def test_an_object_as_large_as_allowed_arrives(server, fetching, engine):
    store = fetching(make_settings(server.url, engine=engine, max_bytes=3_000_000))
    put(server)
    assert store.get().size_bytes == 3_000_000


def test_nobody_wants_it_any_more(server, store):
    put(server)
    with pytest.raises(Cancelled):
        store.get(cancelled=lambda: bool(server.requests))
    assert not store.target.exists()


def test_a_file_has_its_time(server, fetching, engine):
    store = fetching(make_settings(server.url, engine=engine, read_timeout_s=0.5, timeout_s=0.6))
    put(server)
    server.fail(Fault(times=None, stall_after=100))
    fails(store, Later, "network")


@pytest.mark.remedy("free space on the disk of data_directory")
def test_a_full_disk_is_not_the_files_fault(server, store):
    put(server)
    store.target.symlink_to("/dev/full")
    with pytest.raises(Blocked, match="no space left on device") as caught:
        store.get()
    assert (caught.value.reason, caught.value.remedy) == ("storage_full", FREE_SPACE)
    assert not store.target.is_symlink()  # which frees the space
    assert store.get().sha256 == SHA256


@pytest.mark.remedy("give data_directory a folder that this user may write to")
def test_a_folder_that_takes_no_file_is_not_the_files_fault(server, store, tmp_path):
    put(server)
    store.target = tmp_path / "not there" / "target"
    with pytest.raises(Blocked, match="no such file") as caught:
        store.get()
    assert caught.value.remedy == "give data_directory a folder that this user may write to"
    store.target = tmp_path / "target"
    assert store.get().sha256 == SHA256
