"""Rule V11: a topic that is deleted and made again under a fetcher is another topic of the same name."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from cdc_runtime.consuming.position_age import CommittedPosition
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.positions import read_to_end
from cdc_runtime.settings.models import KafkaSettings
from schemas.names import TableName
from schemas.tables import FileColumn
from schemas.topics import state_topic
from tests.integration.vespa_sink.pipeline import Feeder
from tests.waiting import eventually

GROUP = "rowferry-file-fetcher"


@contextmanager
def fetcher(feeder: Feeder, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A fetcher that runs, and is killed at the end; what it logged is shown when the test fails."""
    flags = {"--kafka.bootstrap-servers": feeder.kafka.bootstrap_servers, "--kafka.prefix": feeder.kafka.prefix}
    flags |= {"--http.port": "0", "--http.host": "127.0.0.1", "--fetcher-group": GROUP}
    flags |= {"--data-directory": str(folder / "data"), "--commit-interval-s": "1"}
    command = [sys.executable, "-m", "file_fetcher", "run", *(word for flag in flags.items() for word in flag)]
    log = folder / "log"
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            yield process
            assert process.poll() is None
        finally:
            process.kill()
            sys.stdout.write(log.read_text("utf-8", "replace")[-6000:])


def fill(feeder: Feeder, table: TableName, rows: int) -> None:
    for row in range(rows):
        feeder.put(table, {"id": row, "title": "a", "project_id": 1})
    feeder.flush()


def at_the_end(feeder: Feeder, table: TableName) -> bool:
    committed = feeder.committed(GROUP, table)
    return {partition: next_offset for partition, (next_offset, _) in committed.items()} == feeder.ends(table)


@pytest.mark.rule("V11")
def test_v11_topic_that_was_made_again_is_read_from_its_start_and_its_table_asked_for(kafka, topic_prefix, tmp_path):
    """Taken out: logs are not compared; the fetcher stays where the old topic ended."""
    feeder = Feeder(KafkaSettings(bootstrap_servers=kafka, prefix=topic_prefix))
    table = feeder.table("photos")
    fill(feeder, table, 30)
    with fetcher(feeder, tmp_path):
        eventually(lambda: at_the_end(feeder, table), 150, "positions at the end")
        feeder.make_again(table)
        fill(feeder, table, 10)
        eventually(lambda: [each["tables"] for each in feeder.commands()] == [["public.photos"]], 90, "a request")
        eventually(lambda: at_the_end(feeder, table), 150, "positions at the end of the new topic")


@pytest.mark.rule("V11")
def test_v11_results_are_in_topics_that_were_made_again_once_their_rows_were_read_again(kafka, topic_prefix, tmp_path):
    """Taken out: where results are is not compared; the new topics stay empty."""
    feeder = Feeder(KafkaSettings(bootstrap_servers=kafka, prefix=topic_prefix))
    table = feeder.table("photos", file_columns=(FileColumn("title", "s3_key", ""),))
    admin, topics = KafkaAdmin(feeder.kafka), feeder.topics
    names = [topics.files, topics.file_rows]

    def results() -> int:
        return len({each.key for each in read_to_end(feeder.kafka, topics.files, admin=admin)})

    def where_results_are() -> set[str | None]:
        committed = feeder.committed(GROUP, table).values()
        return {CommittedPosition.read(*each).results_id for each in committed}

    fill(feeder, table, 5)
    with fetcher(feeder, tmp_path):
        eventually(lambda: admin.topic_ids(names).keys() == set(names) and results() == 5, 90, "results")
        (before,) = eventually(lambda: (found := where_results_are()) != {None} and len(found) == 1 and found, 90)
        counts = admin.partition_counts(names)
        client = AdminClient({"bootstrap.servers": kafka})
        for deleted in client.delete_topics(names).values():
            deleted.result()
        eventually(lambda: not admin.topic_ids(names), what="topics that are gone")
        admin.ensure_topics([state_topic(name, count) for name, count in counts.items()])
        eventually(lambda: where_results_are().isdisjoint({None, before}), 90, "positions in the new topics")
        fill(feeder, table, 5)  # as the reader does, which is asked for the rows within half a minute
        eventually(lambda: results() == 5, 90, "results in the new topic")
