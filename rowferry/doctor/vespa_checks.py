"""What the index must be like (pure)."""

from __future__ import annotations

from collections.abc import Iterator

from rowferry.doctor.facts import KafkaFacts, VespaFacts
from rowferry.doctor.findings import Finding, failed, ok

_REMEDY = "vespa-sink deploy deploy/vespa"


def check_vespa(facts: VespaFacts, kafka: KafkaFacts | None) -> Iterator[Finding]:
    """Check the schemas, and that the reader's versions are not behind the index's (rule V8).

    `kafka` must have been read after `facts`, or a reader that runs seems to be behind; None: not known.
    """
    yield ok("vespa.reachable", "an answer", "answers")
    if not facts.lacking:
        yield ok("vespa.schema", "all document types and fields", "all there")
    for each in facts.lacking:
        yield failed("vespa.schema", each.expected, each.found, _REMEDY)
    if kafka is not None:
        yield _version(facts, kafka.version)


def _version(facts: VespaFacts, reader_version: int | None) -> Finding:
    expected = "no document newer than the reader's versions"
    greatest = facts.greatest_version
    if greatest is None:
        return ok("vespa.version", expected, "no document")
    if reader_version is not None and greatest <= reader_version:
        return ok("vespa.version", expected, f"greatest version {greatest}")
    if reader_version is None:
        found = f"version {greatest} in the index and no position of a reader"
    else:
        found = f"version {greatest} in the index, {reader_version} at the reader: its writes would change nothing"
    return failed("vespa.version", expected, found, f"cdc-reader run --version-seed {greatest}")
