"""What brokers and topics must be like (pure)."""

from __future__ import annotations

from collections.abc import Iterator

from rowferry.doctor.facts import KafkaFacts
from rowferry.doctor.findings import Finding, failed, ok, warning
from schemas.topics import TOMBSTONE_RETENTION_MS

_TOMBSTONES_MINUTES = TOMBSTONE_RETENTION_MS // 60_000


def check_kafka(facts: KafkaFacts, source: str) -> Iterator[Finding]:
    """Check the brokers' settings, the topics of the pipeline and whose they are."""
    yield ok("kafka.reachable", "an answer", "answers")
    yield _offsets_retention(facts)
    yield from _topics(facts)
    yield _source(facts, source)


def _offsets_retention(facts: KafkaFacts) -> Finding:
    """Rule V7: offsets that are forgotten before tombstones are cost a snapshot."""
    expected = f"offsets kept for {_long(_TOMBSTONES_MINUTES)} or more"
    minutes = facts.offsets_retention_minutes
    if minutes is None:
        return ok("kafka.offsets_retention", expected, "not allowed to ask")
    if minutes >= _TOMBSTONES_MINUTES:
        return ok("kafka.offsets_retention", expected, _long(minutes))
    remedy = f"offsets.retention.minutes={_TOMBSTONES_MINUTES} in server.properties of every broker, then restart it"
    return warning("kafka.offsets_retention", expected, _long(minutes), remedy)


def _long(minutes: int) -> str:
    """A time as it is spoken of."""
    count, unit = next(
        (minutes // length, unit)
        for unit, length in (("day", 24 * 60), ("hour", 60), ("minute", 1))
        if (minutes >= length and minutes % length == 0) or length == 1
    )
    return f"{count} {unit}{'' if count == 1 else 's'}"


def _topics(facts: KafkaFacts) -> Iterator[Finding]:
    """Rules P5, P9, D6: explicit settings, partition counts for ever."""
    if not facts.differences:
        yield ok("kafka.topics", "topics as they were made", f"{facts.topics} topics")
    for each in facts.differences:
        wanted, found = f"{each.setting}={each.wanted}", f"{each.setting}={each.found}"
        yield failed(f"kafka.topics.{each.topic}.{each.setting}", wanted, found, each.remedy)


def _source(facts: KafkaFacts, source: str) -> Finding:
    """Rule D7: one source, one set of topics."""
    others = sorted({entry.source for entry in facts.entries} - {source})
    expected = f"topics of source {source!r} only"
    if not others:
        return ok("kafka.source", expected, f"{len(facts.entries)} tables of {source!r}")
    remedy = "give each source a kafka.prefix of its own"
    return failed("kafka.source", expected, f"tables of {', '.join(map(repr, others))} too", remedy)
