"""Edge: the results of files as they stand in their topic."""

from __future__ import annotations

from collections.abc import Iterator

from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.positions import read_to_end
from cdc_runtime.settings.models import KafkaSettings
from cdc_runtime.unreadable import UNREADABLE
from rowferry.reconcile.files.facts import Outcome
from schemas.errors import RecordError
from schemas.file_results import FileResult
from schemas.topics import Topics

_TIMEOUT_S = 10.0
# The whole topic is read, texts and all.
_READ_TIMEOUT_S = 3600.0


class Results:
    """The results of one pipeline's files; there are none before a fetcher has run."""

    def __init__(self, settings: KafkaSettings) -> None:
        """Connect; raises `Unreachable` or `AccessDenied`."""
        self._settings = settings
        self._admin = KafkaAdmin(settings)
        self._admin.wait_until_reachable(_TIMEOUT_S)
        self.topic = Topics(settings.prefix).files

    def exist(self) -> bool:
        """Whether there is a topic for them."""
        return self._admin.topic_id(self.topic) is not None

    def outcomes(self) -> Iterator[tuple[str, Outcome]]:
        """
        Every result that the topic still holds, those that newer ones have replaced included.

        What is no result is told, and passed over. Raises as reading a topic does.
        """
        for record in read_to_end(self._settings, self.topic, admin=self._admin, timeout_s=_READ_TIMEOUT_S):
            if record.value is None:
                continue
            try:
                result = FileResult.from_json(record.value)
            except RecordError as exc:
                UNREADABLE.passed_over(record, exc, "what became of the file is not compared")
            else:
                rows = result.extraction.rows_accepted if result.extraction else 0
                yield result.file_id, Outcome(result.status.value, result.reason, result.version, rows)
