"""A database of a thousand tables: what grows with their number stays below the limits of one request."""

from __future__ import annotations

import pytest

from tests.databases import Database
from tests.integration.cdc_reader.conftest import MakeReader
from tests.integration.cdc_reader.readers import Consumer

TABLES = 1_000
CREATE = "CREATE TABLE t{0} (id int PRIMARY KEY, body text); INSERT INTO t{0} VALUES (1, 'x');"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_thousand_tables_are_captured_at_the_first_start_and_followed_after_a_restart(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    for first in range(1, TABLES, 100):  # a lock for each: as many as a server has by default
        database.execute("".join(CREATE.format(number) for number in range(first, first + 100)))
    reader = make_reader(database, KAFKA__PARTITIONS=1).start()
    reader.wait_for("snapshot_over", count=TABLES, timeout_s=600).caught_up()
    assert reader.stop() == 0
    database.execute("INSERT INTO t1 VALUES (2, 'y'); INSERT INTO t1000 VALUES (2, 'y')")
    reader.start().caught_up(120)
    for table in ("t1", "t500", "t1000"):
        assert len(consumer.published(table).rows(table)) == (1 if table == "t500" else 2)
