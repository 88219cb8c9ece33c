"""
Compares the deployed application with what the sink writes, by pyvespa's client.

Leaves to others: deploying one (`deployment`), and everything that happens while documents are fed.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from schemas.errors import (
    Neighbour,
    NeighbourMissing,
    SettingsError,
)
from vespa_sink.documents.samples import samples
from vespa_sink.settings import SinkSettings
from vespa_sink.vespa.answers import Verdict, answer_of, stop_error, verdict

_PROBE_ID = "_rowferry"  # never written; pyvespa does not encode slashes
_REMEDY = "deploy the application package: vespa-sink deploy deploy/vespa"


def check(settings: SinkSettings) -> list[str]:
    """
    What the deployed application lacks, one line each; nothing is written.

    Raises `NeighbourMissing` when Vespa does not answer, `AccessDenied`, `ServerSetting`.
    """
    vespa = settings.vespa
    found: list[str] = []
    for document_type, sample in samples(vespa).items():
        whole = _try_fields(settings, document_type, sample)
        if whole is None:
            continue
        missing = [name for name in sample if _try_fields(settings, document_type, {name: sample[name]}) is not None]
        if len(missing) == len(sample):
            found.append(f"expected document type {document_type}, got none; {_REMEDY}")
        elif missing:
            found.append(f"expected fields {', '.join(missing)} in {document_type}, got others; {_REMEDY}")
        else:
            found.append(f"expected {document_type} to take a whole document, got {whole}; {_REMEDY}")
    return found


def _try_fields(settings: SinkSettings, document_type: str, fields: dict[str, Any]) -> str | None:
    """None when a document with these fields is accepted (by a put whose condition never holds), else the answer."""
    vespa = settings.vespa
    status, message = _put(
        vespa.url, vespa.namespace, document_type, fields, condition=f"{document_type}.version < {-(2**63)}"
    )
    answer = answer_of(status, {}, message)
    decided = verdict(answer)
    if decided is Verdict.STOP:
        raise stop_error(answer, vespa.url)
    if decided in (Verdict.RETRY, Verdict.THROTTLED):
        raise NeighbourMissing(
            expected=f"Vespa at {vespa.url} to answer",
            found=f"status {status}" if status else message,
            neighbour=Neighbour.VESPA,
            remedy="start Vespa, or set vespa.url",
        )
    return None if decided is not Verdict.REJECTED else f"status {status}"


def _put(url: str, namespace: str, document_type: str, fields: dict[str, Any], *, condition: str) -> tuple[int, str]:
    """One put by pyvespa: status (0 without an answer) and message."""
    try:
        from vespa.application import Vespa, VespaSync
    except ImportError as exc:
        raise SettingsError(
            "expected the package pyvespa, which only `check` needs, got none",
            remedy="pip install 'rowferry[deploy]'",
        ) from exc
    parts = urlsplit(url)
    app = Vespa(url=f"{parts.scheme}://{parts.hostname}", port=parts.port or {"http": 80, "https": 443}[parts.scheme])
    try:
        with VespaSync(app, num_retries_429=1) as session:
            response = session.feed_data_point(
                schema=document_type,
                data_id=_PROBE_ID,
                fields=fields,
                namespace=namespace,
                condition=condition,
            )
    except Exception as exc:  # pyvespa lets out whatever its HTTP library raises
        return _status_behind(exc), type(exc).__name__
    return int(response.status_code), str((response.json or {}).get("message", ""))


def _status_behind(error: Exception) -> int:
    """The status of the response that an error came from; 0 when there was none."""
    for each in (error, error.__cause__):
        status = getattr(getattr(each, "response", None), "status_code", None)
        if isinstance(status, int):
            return status
    return 0
