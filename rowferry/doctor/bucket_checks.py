"""What the buckets of files must be like, and that keys have one (pure)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from file_fetcher.download.probe import OK, Probe
from rowferry.doctor.findings import Finding, failed, ok, warning
from schemas.file_references import FileKind
from schemas.tables import TableEntry

_NO_BUCKET = {"NoSuchBucket", "404"}  # an answer to HEAD has no code but its status
_BAD_CREDENTIALS = {
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "TokenRefreshRequired",
}
_WRONG_REGION = {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301"}
_SKEWED = "RequestTimeTooSkewed"
_CREDENTIALS = "credentials that the store knows"
_READ = {OK, "NoSuchKey"}  # answers to those who may read, for a key that is not there
# S3 refuses requests that are signed a quarter of an hour off; a minute off is no clock that is kept.
_REFUSED_SKEW_S, _LARGE_SKEW_S = 900, 60


def check_key_columns(entries: Iterable[TableEntry], bucket: str, bucket_of: Mapping[str, str]) -> Iterator[Finding]:
    """Check that columns with keys have a bucket; `bucket_of` is by patterns of `table.column`."""
    columns = [
        f"{entry.name.document_table}.{column.column}"
        for entry in entries
        for column in entry.file_columns
        if column.kind != FileKind.URL
    ]
    without = [] if bucket else [name for name in columns if not any(fnmatchcase(name, each) for each in bucket_of)]
    expected = "a bucket for each column with keys of objects"
    if without:
        remedy = "set s3.bucket, or s3.bucket_of for these columns: without a bucket their files are skipped"
        yield warning("s3.bucket", expected, f"none for {', '.join(sorted(without))}", remedy)
    elif columns:
        yield ok("s3.bucket", expected, f"one for each of {len(columns)} columns")


def check_bucket(probe: Probe, *, kept_in: bool) -> Iterator[Finding]:
    """Check one bucket; `kept_in`: the fetcher writes into it too. What hides the rest is told alone."""
    check = f"s3.{probe.bucket}"
    if not probe.reachable:
        yield _unreachable(probe)
        return
    yield ok(f"{check}.reachable", "an answer", f"answers at {probe.endpoint}")
    yield from _clock(probe)
    answers = {probe.head, probe.list, probe.get}
    if _SKEWED in answers:
        return
    if refused := sorted(answers & _BAD_CREDENTIALS):
        remedy = (
            "give the key pair of a user of this store: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY,"
            " or s3.access_key_id and s3.secret_access_key"
        )
        yield failed(f"{check}.credentials", _CREDENTIALS, refused[0], remedy)
        return
    if answers & _NO_BUCKET:
        yield failed(f"{check}.exists", "a bucket of this name", "none", _creation(probe))
        return
    yield ok(f"{check}.exists", "a bucket of this name", "there")
    yield _region(probe)
    if not _is_sent_away(probe):
        yield _rights(probe, kept_in=kept_in)


def _unreachable(probe: Probe) -> Finding:
    if not probe.has_credentials:
        remedy = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile or role"
        return failed(f"s3.{probe.bucket}.credentials", _CREDENTIALS, f"none: {probe.trouble}", remedy)
    place = f" from {probe.endpoint}" if probe.endpoint else ""
    remedy = "check s3.endpoint_url, or s3.endpoint_of for this bucket, and that the store runs"
    return failed(f"s3.{probe.bucket}.reachable", "an answer", f"none{place}: {probe.trouble}", remedy)


def _clock(probe: Probe) -> Iterator[Finding]:
    if probe.clock_skew_s is None:
        return
    expected = f"the store's clock within {_LARGE_SKEW_S} s of ours"
    skew_s = round(probe.clock_skew_s)
    found = f"ours {abs(skew_s)} s {'ahead' if skew_s > 0 else 'behind'}" if skew_s else "the same time"
    remedy = "set the clock of this host (chronyc makestep), or that of the store, whichever is wrong"
    check = f"s3.{probe.bucket}.clock"
    if abs(skew_s) >= _REFUSED_SKEW_S or _SKEWED in (probe.head, probe.list, probe.get):
        yield failed(check, expected, found, remedy)
    elif abs(skew_s) > _LARGE_SKEW_S:
        yield warning(check, expected, found, remedy)
    else:
        yield ok(check, expected, found)


def _creation(probe: Probe) -> str:
    options = [f"--bucket {probe.bucket}"]
    if probe.endpoint.startswith("http"):
        options.append(f"--endpoint-url {probe.endpoint}")
    if probe.region and probe.region != "us-east-1":
        options.append(f"--region {probe.region} --create-bucket-configuration LocationConstraint={probe.region}")
    return f"correct its name in s3.bucket or s3.bucket_of, or create it:\naws s3api create-bucket {' '.join(options)}"


def _is_sent_away(probe: Probe) -> bool:
    """Whether objects cannot be had from this region. The question for the bucket is sent away wherever it lies."""
    return not {probe.list, probe.get}.isdisjoint(_WRONG_REGION)


def _region(probe: Probe) -> Finding:
    check, expected = f"s3.{probe.bucket}.region", f"a bucket in region {probe.region}"
    sent_away = _is_sent_away(probe)
    if not sent_away and probe.bucket_region in ("", probe.region):
        return ok(check, expected, probe.region)
    found = f"one in {probe.bucket_region or 'another'}"
    remedy = (
        "set this in the settings file:\n"
        f"s3: {{region_of: {{{probe.bucket}: {probe.bucket_region or '<its region>'}}}}}"
    )
    return (failed if sent_away else warning)(check, expected, found, remedy)


def _rights(probe: Probe, *, kept_in: bool) -> Finding:
    """Without the right to list, a key that is missing is told as forbidden: so both rights are wanted."""
    check, expected = f"s3.{probe.bucket}.rights", "s3:GetObject and s3:ListBucket"
    listed = probe.list == OK
    if probe.get in _READ and listed:
        return ok(check, expected, "both")
    remedy = f"allow it with this policy:\n{_policy(probe.bucket, writing=kept_in)}"
    if probe.get in _READ:
        return warning(check, expected, f"{probe.list} for a list: files that are missing look forbidden", remedy)
    found = f"{probe.get} for an object" if listed else f"{probe.get} for an object, {probe.list} for a list"
    return failed(check, expected, found, remedy)


def _policy(bucket: str, *, writing: bool) -> str:
    objects = ["s3:GetObject", "s3:PutObject"] if writing else ["s3:GetObject"]
    statements = [
        {"Effect": "Allow", "Action": objects, "Resource": f"arn:aws:s3:::{bucket}/*"},
        {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": f"arn:aws:s3:::{bucket}"},
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
