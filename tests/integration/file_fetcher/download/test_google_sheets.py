"""
Google Sheets, exported as CSV.

Against a local stub of Google's token and export addresses: Google itself was not reached from here.
"""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from file_fetcher.download.engines import ResumePoint
from file_fetcher.download.google_engine import GoogleEngine, check_credentials_file
from file_fetcher.download.sources import GoogleSheet
from file_fetcher.failures import Blocked, FetchProblem, Later, Skipped, Throttled
from file_fetcher.settings import GoogleSettings
from schemas.errors import SettingsError
from tests.integration.file_fetcher.download.conftest import make_settings
from tests.s3_faults import Fault

SHEET = GoogleSheet("1aBcDeFgHiJ")
CSV = b"room,area\r\nHall,20\r\n"


@pytest.fixture(scope="module")
def private_key():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@pytest.fixture
def key_file(server, tmp_path, private_key):
    path = tmp_path / "key.json"
    account = {"type": "service_account", "client_email": "reader@test", "private_key": private_key}
    path.write_text(json.dumps(account | {"token_uri": f"{server.url}/token"}))
    return path


@pytest.fixture
def sheets(server, key_file, fetching):
    google = GoogleSettings(credentials_file=key_file, export_url=f"{server.url}/drive/v3/files")
    return fetching(make_settings(server.url).model_copy(update={"google": google}))


def token(number=1):
    body = json.dumps({"access_token": f"token-{number}", "expires_in": 3600, "token_type": "Bearer"}).encode()
    return Fault(status=200, body=body, headers={"content-type": "application/json"})


def refused(sheets, kind, reason):
    with pytest.raises(FetchProblem) as caught:
        sheets.of(SHEET)
    assert isinstance(caught.value, kind)
    assert caught.value.reason == reason
    return caught.value


def test_first_sheet_is_exported_as_csv(server, sheets):
    server.fail(token(), Fault(times=2, status=200, body=CSV))
    got = sheets.of(SHEET)
    assert (got.size_bytes, got.declared_type, got.engine) == (len(CSV), "text/csv", "google")
    assert sheets.target.read_bytes() == CSV
    sheets.of(GoogleSheet("1aBcDeFgHiJ", "0"))
    asked, *exports = server.requests
    assert asked.path == "/token"
    assert [(export.path, export.query) for export in exports] == [
        ("/drive/v3/files/1aBcDeFgHiJ/export", "mimeType=text%2Fcsv")
    ] * 2
    assert exports[0].headers["authorization"] == "Bearer token-1"


def test_the_token_is_asked_for_with_the_service_account(server, sheets):
    server.fail(token(), Fault(status=200, body=CSV))
    sheets.of(SHEET)
    assert server.requests[0].method == "POST"
    claims = server.bodies[0].decode().partition("assertion=")[2].split(".")[1]
    claimed = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert (claimed["iss"], claimed["scope"]) == ("reader@test", "https://www.googleapis.com/auth/drive.readonly")


def test_another_sheet_is_asked_of_the_spreadsheet(server, key_file):
    engine = GoogleEngine(
        key_file,
        f"{server.url}/drive/v3/files",
        connect_timeout_s=60,
        read_timeout_s=60,
        connections=1,
        sheet_url=f"{server.url}/spreadsheets/d",
    )
    server.fail(token(), Fault(status=200, body=CSV))
    with engine.open(GoogleSheet("1aBcDeFgHiJ", "42"), ResumePoint()) as body:
        assert b"".join(body.chunks) == CSV
    engine.close()
    assert server.requests[-1].path == "/spreadsheets/d/1aBcDeFgHiJ/export"
    assert server.requests[-1].query == "format=csv&gid=42"


def test_a_broken_export_is_read_anew(server, sheets):
    server.fail(token(), Fault(status=200, body=CSV, cut_after=5), Fault(status=200, body=CSV))
    sheets.of(SHEET)
    assert sheets.target.read_bytes() == CSV


def test_a_token_that_is_no_longer_accepted_is_renewed(server, sheets):
    server.fail(token(1), Fault(status=401), token(2), Fault(status=200, body=CSV))
    refused(sheets, Blocked, "access_denied")
    sheets.of(SHEET)
    assert server.requests[-1].headers["authorization"] == "Bearer token-2"


@pytest.mark.parametrize(
    ("fault", "kind", "reason"),
    [
        (Fault(status=404), Later, "not_found"),
        (Fault(status=403, body=b'{"reason": "insufficientFilePermissions"}'), Later, "access_denied"),
        (Fault(status=403, body=b'{"reason": "exportSizeLimitExceeded"}'), Skipped, "too_large"),
        (Fault(times=None, status=403, body=b'{"reason": "userRateLimitExceeded"}'), Throttled, "throttled"),
        (Fault(times=None, status=500), Later, "network"),
    ],
)
def test_answer_means_what_it_says(server, sheets, fault, kind, reason):
    server.fail(token(), fault)
    refused(sheets, kind, reason)


@pytest.mark.remedy("put a key that Google takes into the file of google.credentials_file")
def test_a_key_file_that_is_mended_is_read_again(server, sheets, key_file):
    server.fail(token(), Fault(status=200, body=CSV))
    right = key_file.read_text()
    key_file.write_text("{}")
    assert (
        refused(sheets, Blocked, "access_denied").remedy
        == "put a key that Google takes into the file of google.credentials_file"
    )
    key_file.write_text(right)
    assert sheets.of(SHEET)


@pytest.mark.remedy("give the path of the key that Google gave out for the account")
def test_another_file_than_a_key_is_refused_at_the_start(tmp_path, key_file):
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(SettingsError, match=r"google\.credentials_file"):
        check_credentials_file(tmp_path / "other.json")
    check_credentials_file(key_file)


def test_an_account_that_google_does_not_know_blocks(server, sheets):
    server.fail(Fault(times=None, status=400, body=b'{"error": "invalid_grant"}'))
    assert (
        refused(sheets, Blocked, "access_denied").remedy
        == "put a key that Google takes into the file of google.credentials_file"
    )


def test_a_key_file_that_cannot_be_read_blocks(sheets, key_file):
    key_file.write_text("{}")
    refused(sheets, Blocked, "access_denied")
    key_file.unlink()
    refused(sheets, Blocked, "access_denied")


def test_google_out_of_reach_blocks(fetching, key_file, server):
    google = GoogleSettings(credentials_file=key_file, export_url="http://127.0.0.1:1/files")
    server.fail(token())
    refused(fetching(make_settings(server.url).model_copy(update={"google": google})), Blocked, "network")


def test_without_credentials_sheets_are_skipped(server, fetching):
    refused(fetching(make_settings(server.url)), Skipped, "no_credentials")
