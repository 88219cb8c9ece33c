"""
Compares the deployed application with what the sink writes, by pyvespa's client.

Leaves to others: deploying one (`deployment`), and everything that happens while documents are fed.

Keeps: V10.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from cdc_runtime.no_answer import why
from schemas.errors import SettingsError
from vespa_sink.settings import SinkSettings, VespaSettings
from vespa_sink.vespa.answers import NO_ANSWER, Answer, answer_of
from vespa_sink.vespa.field_probes import lacking, takes_fields
from vespa_sink.vespa.operations import never

_TIMEOUT_S = 30.0
_PROBE_ID = "_rowferry"  # never written; pyvespa does not encode slashes
_REMEDY = "deploy the application package: vespa-sink deploy deploy/vespa"


def check(settings: SinkSettings) -> list[str]:
    """
    What the deployed application lacks, one line each; nothing is written.

    Raises `NeighbourMissing` when Vespa does not answer, `AccessDenied`, `ServerSetting`.
    """
    vespa = settings.vespa

    def takes(document_type: str, fields: Mapping[str, Any]) -> bool:
        return takes_fields(_put(vespa, document_type, fields), vespa.url)

    return [f"expected {each.expected}, got {each.found}; {_REMEDY}" for each in lacking(vespa, takes)]


class _Recorded:
    """pyvespa's session: it follows no redirect, and keeps the last answer as it came."""

    def __init__(self) -> None:
        import httpr

        self._client = httpr.Client(timeout=_TIMEOUT_S, follow_redirects=False)
        self.answer: Answer | None = None

    def post(self, url: str, **options: object) -> object:
        """Send a request, as pyvespa asks for it."""
        send: Any = self._client.post
        response = send(url, **options)
        headers = {name.title(): value for name, value in response.headers.items()}
        self.answer = answer_of(int(response.status_code), headers, bytes(response.content))
        return response


def _put(settings: VespaSettings, document_type: str, fields: Mapping[str, Any]) -> Answer:
    """One put by pyvespa whose condition never holds."""
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
    recorded = _Recorded()
    session: Any = recorded
    try:
        with VespaSync(app, session=session, num_retries_429=1) as client:
            client.feed_data_point(
                schema=document_type,
                data_id=_PROBE_ID,
                fields=dict(fields),
                namespace=settings.namespace,
                condition=never(document_type),
            )
    except Exception as exc:  # pyvespa lets out whatever its HTTP library raises
        return recorded.answer or Answer(NO_ANSWER, message=why(exc))
    assert recorded.answer is not None
    return recorded.answer
