"""
Has rows read again that were given up since the index lacked a field, once it has the field.

The dead letters say which rows; the index is asked, by a field that is as it should be, again and again. What was
given up is not written from its dead letter: floors and newer rows may have come since (rule V9). The reader is asked
to read the rows again, but those whose documents are newer by now.

Keeps: V9, V13.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Protocol

import structlog

from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.consuming.row_changes import RowPut, row_change
from cdc_runtime.health import Health
from cdc_runtime.reader_requests import Requests
from cdc_runtime.subjects import lacking_fields
from schemas.envelope import Event
from schemas.errors import RowferryError, TransientError
from schemas.topics import Topics
from vespa_sink.documents.identifiers import DocumentId
from vespa_sink.health import report
from vespa_sink.intake.listing_changes import record_user_id
from vespa_sink.intake.topics import TableTopic, topic_type_of
from vespa_sink.metrics import SinkMetrics
from vespa_sink.redriving.given_up import GivenUp, Lack, Row
from vespa_sink.redriving.letters import Letters
from vespa_sink.vespa.field_questions import FieldQuestions
from vespa_sink.vespa.searches import Index
from vespa_sink.writes.future_versions import version_path

_log = structlog.get_logger(__name__)
_LOOK_S = 15.0
_AT_A_TIME = 16
_KEYS_OF_A_COMMAND = 200
_LOOKED_AT = 50  # rows, each time, whether newer ones have taken their places


class Documents(Protocol):
    """The index, as it is read here."""

    async def get(self, path: str) -> Mapping[str, Any]:
        """Read a document; a missing one has no `fields`. Raises `TransientError`."""


class Redrives:
    """Lives in the event loop; `decode` reads an event, and raises our errors."""

    def __init__(
        self,
        letters: Letters,
        given_up: GivenUp,
        questions: FieldQuestions,
        documents: Documents,
        requests: Requests,
        *,
        rows: Index,
        topics: Topics,
        decode: Callable[[bytes], Event],
        health: Health,
        metrics: SinkMetrics,
    ) -> None:
        self._letters = letters
        self._given_up = given_up
        self._questions = questions
        self._documents = documents
        self._requests = requests
        self._rows = rows
        self._topics = topics
        self._decode = decode
        self._health = health
        self._metrics = metrics
        self._subject = lacking_fields(rows.document_type)
        self._told: Mapping[Lack, int] = {}
        health.detail("rows_given_up_for_want_of_a_field", self._shown)

    async def follow(self) -> None:
        """Look again and again, for ever."""
        try:
            while True:
                try:
                    await self.look()
                except TransientError as exc:
                    _log.warning("rows that were given up are not looked at", reason=str(exc))
                await asyncio.sleep(_LOOK_S)
        finally:
            self._letters.close()

    async def look(self) -> None:
        """Look once. Raises `TransientError`, `FatalError`."""
        for record, field in await asyncio.to_thread(self._letters.read):
            self._note(record, field)
        for lack in self._given_up:
            if await self._questions.lacks(self._rows.document_type, lack.field) is False:
                await self._read_again(lack)
            else:
                rows = self._given_up.rows(lack)[:_LOOKED_AT]
                self._given_up.forget(lack, set(rows) - set(await self._needed(rows)))
        self._tell()

    def _note(self, record: Record, field: str) -> None:
        topic_type = topic_type_of(record.topic, self._topics)
        if not isinstance(topic_type, TableTopic):
            return
        try:
            change = row_change(record, self._decode)
        except RowferryError:  # its schema is not known: the row is read again in any case
            version, key = 2**63, record.key or b""
        else:
            if not isinstance(change, RowPut):
                return
            version, key = change.version, change.key
        row = Row(TopicPartition(record.topic, record.partition), key, version)
        if self._given_up.note(Lack(topic_type.table, field), row):
            _log.warning(
                "rows are given up, since the index lacks a field of theirs",
                table=str(topic_type.table),
                field=field or "not known",
                document_type=self._rows.document_type,
            )

    async def _read_again(self, lack: Lack) -> None:
        reason = f"the index takes field {lack.field} now" if lack.field else "the index takes every field now"
        rows = self._given_up.rows(lack)
        whole = self._given_up.is_whole(lack)
        if whole:
            await asyncio.to_thread(self._requests.snapshot, lack.table, reason, lack.field)
        else:
            keys = [row.key.decode("ascii") for row in await self._needed(rows)]
            for start in range(0, len(keys), _KEYS_OF_A_COMMAND):
                some = keys[start : start + _KEYS_OF_A_COMMAND]
                await asyncio.to_thread(self._requests.reread, lack.table, some, reason)
        self._given_up.forget(lack, rows, whole=whole)

    async def _needed(self, rows: Collection[Row]) -> list[Row]:
        """Those of which the index holds nothing as new. Raises `TransientError`."""
        listed = list(rows)
        needed: list[Row] = []
        for start in range(0, len(listed), _AT_A_TIME):
            some = listed[start : start + _AT_A_TIME]
            stored = await asyncio.gather(*map(self._stored, some))
            needed += [row for row, version in zip(some, stored, strict=True) if version < row.version]
        return needed

    async def _stored(self, row: Row) -> int:
        topic_type = topic_type_of(row.partition.topic, self._topics)
        assert isinstance(topic_type, TableTopic)
        user = record_user_id(topic_type.table, row.key)
        fields = (
            await self._documents.get(version_path(DocumentId(self._rows.namespace, self._rows.document_type, user)))
        ).get("fields")
        version = fields.get("version") if isinstance(fields, Mapping) else None
        return version if isinstance(version, int) else -1

    def _tell(self) -> None:
        counts = self._told = self._given_up.counts()
        self._metrics.lacking({(str(lack.table), lack.field): count for lack, count in counts.items()})
        report(self._health, self._subject, _text(counts) if counts else None)

    def _shown(self) -> object:
        """Called in another thread."""
        return [{"table": str(each.table), "field": each.field, "rows": rows} for each, rows in self._told.items()]


def _text(counts: Mapping[Lack, int]) -> str:
    first = min(counts)
    tables = _listed(sorted({str(each.table) for each in counts}))
    return (
        f"expected field {first.field or '(not known)'} to be in the index, got none; {sum(counts.values())} rows of "
        f"{tables} lack what is in it until the application is deployed: vespa-sink check"
    )


def _listed(names: Iterable[str]) -> str:
    first, *others = names
    return f"{first} and {len(others)} other tables" if others else first
