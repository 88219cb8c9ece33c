"""
Compares the deployed application with what the sink writes, by pyvespa's client.

Leaves to others: deploying one (`deployment`), and everything that happens while documents are fed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from schemas.errors import SettingsError
from vespa_sink.settings import SinkSettings, VespaSettings
from vespa_sink.vespa.answers import answer_of
from vespa_sink.vespa.field_probes import lacking, takes_fields
from vespa_sink.vespa.operations import never

_PROBE_ID = "_rowferry"  # never written; pyvespa does not encode slashes
_REMEDY = "deploy the application package: vespa-sink deploy deploy/vespa"


def check(settings: SinkSettings) -> list[str]:
    """
    What the deployed application lacks, one line each; nothing is written.

    Raises `NeighbourMissing` when Vespa does not answer, `AccessDenied`, `ServerSetting`.
    """
    vespa = settings.vespa

    def takes(document_type: str, fields: Mapping[str, Any]) -> bool:
        status, message = _put(vespa, document_type, fields)
        return takes_fields(answer_of(status, {}, message), vespa.url)

    return [f"expected {each.expected}, got {each.found}; {_REMEDY}" for each in lacking(vespa, takes)]


def _put(settings: VespaSettings, document_type: str, fields: Mapping[str, Any]) -> tuple[int, str]:
    """One put by pyvespa whose condition never holds: status (0 without an answer) and message."""
    try:
        from vespa.application import Vespa, VespaSync
    except ImportError as exc:
        raise SettingsError(
            expected="the package pyvespa, which only `check` needs",
            found="none",
            remedy="pip install 'rowferry[deploy]'",
        ) from exc
    parts = urlsplit(settings.url)
    app = Vespa(url=f"{parts.scheme}://{parts.hostname}", port=parts.port or {"http": 80, "https": 443}[parts.scheme])
    try:
        with VespaSync(app, num_retries_429=1) as session:
            response = session.feed_data_point(
                schema=document_type,
                data_id=_PROBE_ID,
                fields=dict(fields),
                namespace=settings.namespace,
                condition=never(document_type),
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
