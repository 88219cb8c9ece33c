"""What the doctor makes of a bucket's answers: verdict and remedy."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from file_fetcher.download.probe import Probe
from rowferry.doctor.bucket_checks import check_bucket, check_key_columns
from rowferry.doctor.findings import Finding, Verdict, ok, warning
from schemas.tables import Capture, FileColumn, TableEntry

PROBE = Probe(
    "drawings",
    "https://s3.example.com",
    "eu-west-1",
    reachable=True,
    bucket_region="eu-west-1",
    head="ok",
    list="ok",
    get="NoSuchKey",
    clock_skew_s=0.4,
)
POLICY = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"],'
    ' "Resource": "arn:aws:s3:::drawings/*"}, {"Effect": "Allow", "Action": ["s3:ListBucket"],'
    ' "Resource": "arn:aws:s3:::drawings"}]}'
)


def found(*, kept_in: bool = False, **changes: Any) -> dict[str, Finding]:
    return {each.id: each for each in check_bucket(dataclasses.replace(PROBE, **changes), kept_in=kept_in)}


def test_bucket_as_it_should_be_is_ok() -> None:
    assert {each.id: (each.status, each.found) for each in found().values()} == {
        "s3.drawings.reachable": (Verdict.OK, "answers at https://s3.example.com"),
        "s3.drawings.clock": (Verdict.OK, "the same time"),
        "s3.drawings.exists": (Verdict.OK, "there"),
        "s3.drawings.region": (Verdict.OK, "eu-west-1"),
        "s3.drawings.rights": (Verdict.OK, "both"),
    }


NO_ANSWER = {"reachable": False, "head": "", "list": "", "get": "", "clock_skew_s": None}
CREDENTIALS = (
    "give the key pair of a user of this store: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY,"
    " or s3.access_key_id and s3.secret_access_key"
)
CREATE = (
    "correct its name in s3.bucket or s3.bucket_of, or create it:\n"
    "aws s3api create-bucket --bucket drawings --endpoint-url https://s3.example.com"
    " --region eu-west-1 --create-bucket-configuration LocationConstraint=eu-west-1"
)
CLOCK = "set the clock of this host (chronyc makestep), or that of the store, whichever is wrong"
CASES: dict[str, tuple[dict[str, Any], str, Verdict, str, str]] = {
    "no answer": (
        {**NO_ANSWER, "trouble": "ConnectTimeoutError"},
        "reachable",
        Verdict.FAILED,
        "none from https://s3.example.com: ConnectTimeoutError",
        "check s3.endpoint_url, or s3.endpoint_of for this bucket, and that the store runs",
    ),
    "no credentials": (
        {**NO_ANSWER, "has_credentials": False, "trouble": "NoCredentialsError"},
        "credentials",
        Verdict.FAILED,
        "none: NoCredentialsError",
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile or role",
    ),
    "unknown key": (
        {"head": "403", "list": "InvalidAccessKeyId", "get": "InvalidAccessKeyId"},
        "credentials",
        Verdict.FAILED,
        "InvalidAccessKeyId",
        CREDENTIALS,
    ),
    "wrong secret": (
        {"head": "403", "list": "SignatureDoesNotMatch", "get": "SignatureDoesNotMatch"},
        "credentials",
        Verdict.FAILED,
        "SignatureDoesNotMatch",
        CREDENTIALS,
    ),
    "no bucket": (
        {"head": "404", "list": "NoSuchBucket", "get": "NoSuchBucket"},
        "exists",
        Verdict.FAILED,
        "none",
        CREATE,
    ),
    "another region, served": (
        {"region": "us-east-1"},
        "region",
        Verdict.WARNING,
        "one in eu-west-1",
        "set this in the settings file:\ns3: {region_of: {drawings: eu-west-1}}",
    ),
    "another region, served by all that objects are had by": (
        {"region": "us-east-1", "head": "301"},
        "region",
        Verdict.WARNING,
        "one in eu-west-1",
        "set this in the settings file:\ns3: {region_of: {drawings: eu-west-1}}",
    ),
    "another region, refused": (
        {"region": "us-east-1", "head": "301", "list": "PermanentRedirect", "get": "PermanentRedirect"},
        "region",
        Verdict.FAILED,
        "one in eu-west-1",
        "set this in the settings file:\ns3: {region_of: {drawings: eu-west-1}}",
    ),
    "nothing allowed": (
        {"head": "403", "list": "AccessDenied", "get": "AccessDenied"},
        "rights",
        Verdict.FAILED,
        "AccessDenied for an object, AccessDenied for a list",
        f"allow it with this policy:\n{POLICY}",
    ),
    "only lists": (
        {"get": "AccessDenied"},
        "rights",
        Verdict.FAILED,
        "AccessDenied for an object",
        f"allow it with this policy:\n{POLICY}",
    ),
    "only objects": (
        {"head": "403", "list": "AccessDenied"},
        "rights",
        Verdict.WARNING,
        "AccessDenied for a list: files that are missing look forbidden",
        f"allow it with this policy:\n{POLICY}",
    ),
    "clock a bit ahead": ({"clock_skew_s": 61.2}, "clock", Verdict.WARNING, "ours 61 s ahead", CLOCK),
    "clock far behind": ({"clock_skew_s": -901.0}, "clock", Verdict.FAILED, "ours 901 s behind", CLOCK),
    "clock refused": (
        {"head": "403", "list": "RequestTimeTooSkewed", "get": "RequestTimeTooSkewed", "clock_skew_s": 800.0},
        "clock",
        Verdict.FAILED,
        "ours 800 s ahead",
        CLOCK,
    ),
}


@pytest.mark.parametrize(("changes", "check", "verdict", "told", "remedy"), CASES.values(), ids=CASES)
def test_answer_is_judged(changes: dict[str, Any], check: str, verdict: Verdict, told: str, remedy: str) -> None:
    finding = found(**changes)[f"s3.drawings.{check}"]

    assert (finding.status, finding.found, finding.remedy) == (verdict, told, remedy)


@pytest.mark.parametrize(
    ("changes", "last"),
    [
        ({**NO_ANSWER, "trouble": "x"}, "s3.drawings.reachable"),
        ({"list": "InvalidAccessKeyId"}, "s3.drawings.credentials"),
        ({"list": "NoSuchBucket"}, "s3.drawings.exists"),
        ({"list": "RequestTimeTooSkewed"}, "s3.drawings.clock"),
        ({"list": "PermanentRedirect", "get": "PermanentRedirect"}, "s3.drawings.region"),
    ],
)
def test_what_hides_the_rest_is_told_alone(changes: dict[str, Any], last: str) -> None:
    findings = found(**changes)

    assert list(findings)[-1] == last
    assert [each.id for each in findings.values() if each.status is not Verdict.OK] == [last]


def test_store_that_tells_no_time_and_no_region_is_not_judged_by_them() -> None:
    findings = found(clock_skew_s=None, bucket_region="")

    assert "s3.drawings.clock" not in findings
    assert {each.status for each in findings.values()} == {Verdict.OK}


def test_bucket_that_contents_are_kept_in_may_be_written_to() -> None:
    remedy = found(kept_in=True, get="AccessDenied")["s3.drawings.rights"].remedy or ""

    assert '"Action": ["s3:GetObject", "s3:PutObject"]' in remedy


def entry(table: str, *columns: tuple[str, str]) -> TableEntry:
    return TableEntry(
        version=1,
        source="rowferry",
        database="d",
        schema="public",
        table=table,
        oid=1,
        topic=f"cdc.public.{table}",
        partitions=1,
        columns=(),
        primary_key=("id",),
        capture=Capture("replication", "test"),
        file_columns=tuple(FileColumn(name, kind, "") for name, kind in columns),
    )


PHOTOS = entry("photos", ("s3_key", "s3_key"), ("image_url", "url"))
PLANS = entry("plans", ("page_s3_keys", "jsonb_s3_map"))
EXPECTED = "a bucket for each column with keys of objects"
REMEDY = "set s3.bucket, or s3.bucket_of for these columns: without a bucket their files are skipped"
COLUMNS: dict[str, tuple[list[TableEntry], str, dict[str, str], list[Finding]]] = {
    "no keys": ([entry("links", ("url", "url"))], "", {}, []),
    "one bucket for all": ([PHOTOS, PLANS], "b", {}, [ok("s3.bucket", EXPECTED, "one for each of 2 columns")]),
    "a bucket by rule": ([PLANS], "", {"plans.*": "b"}, [ok("s3.bucket", EXPECTED, "one for each of 1 columns")]),
    "none": (
        [PLANS, PHOTOS],
        "",
        {},
        [warning("s3.bucket", EXPECTED, "none for photos.s3_key, plans.page_s3_keys", REMEDY)],
    ),
    "none for one": (
        [PHOTOS, PLANS],
        "",
        {"plans.*": "b"},
        [warning("s3.bucket", EXPECTED, "none for photos.s3_key", REMEDY)],
    ),
}


@pytest.mark.parametrize(("entries", "bucket", "bucket_of", "findings"), COLUMNS.values(), ids=COLUMNS)
def test_columns_with_keys_need_a_bucket(
    entries: list[TableEntry], bucket: str, bucket_of: dict[str, str], findings: list[Finding]
) -> None:
    assert list(check_key_columns(entries, bucket, bucket_of)) == findings
