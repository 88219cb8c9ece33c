"""
Edge: Google Sheets, exported as CSV with the credentials of a service account.

Without `gid`, or with that of the first sheet, Drive exports the first; Drive cannot export another as CSV, so one is
asked of the address that the spreadsheet's own menu uses. Both take the same bearer token.
Leaves to others: which links are sheets (`links`), and what becomes of the rows.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import google.auth.exceptions as refused
import google.auth.transport.urllib3 as google_transport
from google.oauth2 import service_account
from urllib3 import BaseHTTPResponse, PoolManager, Retry, Timeout
from urllib3 import exceptions as http

from file_fetcher.download.answers import Interrupted, http_problem, unreachable
from file_fetcher.download.engines import CHUNK_BYTES, Body, ResumePoint
from file_fetcher.download.sources import GoogleSheet
from file_fetcher.failures import Blocked, FetchProblem, Later, Skipped, Throttled
from schemas.errors import SettingsError

ENGINE = "google"
_PLACE = "google"
_SCOPE = "https://www.googleapis.com/auth/drive.readonly"
_SHEET_URL = "https://docs.google.com/spreadsheets/d"
_ERROR_BYTES = 4096
_THROTTLES = ("rateLimitExceeded", "userRateLimitExceeded", "RESOURCE_EXHAUSTED")


class GoogleEngine:
    """May be used by several threads; asks for a token when the first sheet is wanted."""

    def __init__(
        self,
        credentials_file: Path,
        export_url: str,
        *,
        connect_timeout_s: float,
        read_timeout_s: float,
        connections: int,
        sheet_url: str = _SHEET_URL,
    ) -> None:
        self._file = credentials_file
        self._export_url = export_url.rstrip("/")
        self._sheet_url = sheet_url
        self._http = PoolManager(
            maxsize=connections,
            timeout=Timeout(connect=connect_timeout_s, read=read_timeout_s),
            # Google redirects exports to hosts of its own; urllib3 takes the token off when the host changes.
            retries=Retry(total=3, connect=0, read=0, redirect=3, status=0, other=0),
        )
        self._lock = threading.Lock()
        self._credentials: Any = None

    @contextlib.contextmanager
    def open(self, sheet: GoogleSheet, held: ResumePoint) -> Iterator[Body]:
        """Export a sheet, always from its beginning; raises problems of `file_fetcher.failures`."""
        token = self._token()
        with _translated():
            answer = self._http.request(
                "GET",
                self._url(sheet),
                headers={"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"},
                preload_content=False,
                decode_content=False,
            )
        try:
            if answer.status != 200:
                with _translated():
                    beginning = answer.read(_ERROR_BYTES)
                if answer.status == 401:
                    self._forget()
                raise _problem(answer.status, beginning)
            yield _body(answer)
        finally:
            answer.close()

    def close(self) -> None:
        """Close all connections that are not in use."""
        self._http.clear()

    def _url(self, sheet: GoogleSheet) -> str:
        if sheet.gid in (None, "0"):
            return f"{self._export_url}/{sheet.document}/export?" + urlencode({"mimeType": "text/csv"})
        return f"{self._sheet_url}/{sheet.document}/export?" + urlencode({"format": "csv", "gid": sheet.gid})

    def _token(self) -> str:
        with self._lock:
            try:
                if self._credentials is None:
                    self._credentials = service_account.Credentials.from_service_account_file(  # type: ignore[no-untyped-call]
                        str(self._file), scopes=[_SCOPE]
                    )
                if not self._credentials.valid:
                    self._credentials.refresh(google_transport.Request(self._http))  # type: ignore[no-untyped-call]
            except refused.TransportError as exc:
                raise unreachable("google's token server", type(exc).__name__, named=True) from exc
            except (refused.GoogleAuthError, OSError, ValueError) as exc:
                raise _no_credentials(type(exc).__name__) from exc
            return str(self._credentials.token)

    def _forget(self) -> None:
        with self._lock:
            self._credentials = None


def check_credentials_file(path: Path) -> None:
    """Raises `SettingsError` for a file that holds no key of a service account."""
    try:
        service_account.Credentials.from_service_account_file(str(path), scopes=[_SCOPE])  # type: ignore[no-untyped-call]
    except (refused.GoogleAuthError, OSError, ValueError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else "another file"
        raise SettingsError(
            f"google.credentials_file: expected the JSON key of a service account, got {why}",
            remedy="give the path of the key that Google gave out for the account",
        ) from exc


def _body(answer: BaseHTTPResponse) -> Body:
    length = answer.headers.get("Content-Length", "")
    return Body(
        chunks=_chunks(answer),
        start=0,
        size_bytes=int(length) if length.isdecimal() else None,
        etag=None,  # an export is made again each time: it cannot be resumed
        version_id=None,
        declared_type="text/csv",
        engine=ENGINE,
    )


def _chunks(answer: BaseHTTPResponse) -> Iterator[bytes]:
    while True:
        with _translated():
            chunk = answer.read(CHUNK_BYTES)
        if not chunk:
            return
        yield chunk


def _problem(status: int, beginning: bytes) -> FetchProblem:
    words = beginning.decode("utf-8", "replace")
    if status == 401:
        return _no_credentials("401")
    if status == 403 and any(word in words for word in _THROTTLES):
        return Throttled("throttled", "google asks for fewer requests")
    if status == 403 and "exportSizeLimitExceeded" in words:
        return Skipped("too_large", "the sheet is larger than google exports")
    if status == 403:
        return Later("access_denied", "expected a sheet that is shared with the service account, got 403")
    return http_problem(status, beginning, _PLACE, signed=False)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except http.HTTPError as exc:
        cause = exc.reason if isinstance(exc, http.MaxRetryError) and exc.reason is not None else exc
        if isinstance(cause, http.NewConnectionError | http.ConnectTimeoutError | http.SSLError):
            raise unreachable(_PLACE, type(cause).__name__, named=True) from exc
        raise Interrupted(f"expected a sheet from google, got {type(cause).__name__}") from exc


def _no_credentials(why: str) -> Blocked:
    return Blocked(
        "access_denied",
        f"expected a service account that google accepts, got {why}",
        remedy="put a key that Google takes into the file of google.credentials_file",
    )
