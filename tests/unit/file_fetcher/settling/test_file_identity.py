from __future__ import annotations

import pytest

from file_fetcher.settling.file_identity import digest, location_digest, same_file, without_signature

S3 = "https://b.s3.amazonaws.com/a.pdf"
AZURE = "https://x.blob.core.windows.net/c/a.pdf"
WITHOUT = {
    "key": ("a?b=1.pdf", "a?b=1.pdf"),
    "key that has the name of a signature": ("a?Signature=1", "a?Signature=1"),
    "link without query": (S3, S3),
    "unsigned link": (f"{S3}?id=5&expires=7", f"{S3}?id=5&expires=7"),
    "S3": (f"{S3}?X-Amz-Date=20261121T000000Z&X-Amz-Expires=60&X-Amz-Signature=00ff", S3),
    "S3, in lower case": (f"{S3}?x-amz-date=20261121T000000Z&x-amz-signature=00ff", S3),
    "S3, a version": (f"{S3}?versionId=3&X-Amz-Signature=00ff", f"{S3}?versionId=3"),
    "S3 of old": (f"{S3}?AWSAccessKeyId=AK&Expires=17&Signature=x%3D", S3),
    "CloudFront": (f"{S3}?size=2&Policy=p&Signature=s&Key-Pair-Id=k", f"{S3}?size=2"),
    "Google Cloud": (f"{S3}?X-Goog-Date=1&X-Goog-Signature=00ff", S3),
    "Azure": (f"{AZURE}?sv=2024-01-01&st=a&se=b&sr=b&sp=r&sig=c", AZURE),
    "Azure's names beside another signature": (f"{S3}?st=5&X-Amz-Signature=00", f"{S3}?st=5"),
    "fragment": (f"{S3}?X-Amz-Signature=00#gid=2", f"{S3}#gid=2"),
}


@pytest.mark.parametrize(("location", "meant"), WITHOUT.values(), ids=WITHOUT)
def test_signature_is_left_out_and_nothing_else(location: str, meant: str) -> None:
    assert without_signature(location) == meant


DIFFERENT = {
    "parameter": (f"{S3}?id=5", f"{S3}?id=6"),
    "version": ("s3://b/a.pdf?versionId=1", "s3://b/a.pdf?versionId=2"),
    "sheet": (
        "https://docs.google.com/spreadsheets/d/1/edit#gid=0",
        "https://docs.google.com/spreadsheets/d/1/edit#gid=2",
    ),
    "parameter of a signed link": (f"{S3}?id=5&sig=1", f"{S3}?id=6&sig=1"),
}


@pytest.mark.parametrize(("first", "second"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_is_no_signature_tells_files_apart(first: str, second: str) -> None:
    assert not same_file(location_digest(first), location_digest(second))


def test_signature_changes_the_place_but_not_the_file() -> None:
    first, second = f"{S3}?X-Amz-Signature=00", f"{S3}?X-Amz-Signature=ff"
    assert location_digest(first) != location_digest(second)
    assert same_file(location_digest(first), location_digest(second))
    assert same_file(location_digest(first), location_digest(S3))


def test_place_gives_no_location_away() -> None:
    made = location_digest(f"{S3}?X-Amz-Signature=00")
    assert set(made) <= set("0123456789abcdef:")
    assert len(made) == 49


def test_digest_of_nothing_is_nothing_and_of_any_text_a_digest() -> None:
    assert digest("") == ""
    assert len(digest("\ud800")) == 24
