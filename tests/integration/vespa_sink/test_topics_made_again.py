"""Rule V11: a table's topic that is deleted and made again under a sink is another topic of the same name."""

from __future__ import annotations

from functools import partial

import pytest

from schemas.names import TableName
from tests.waiting import eventually


@pytest.mark.rule("V11")
def test_v11_every_row_of_topics_that_were_made_again_is_indexed(feeder, index, sink) -> None:
    """
    One is shorter than before, one longer: its offsets go on as if nothing had happened, and its id alone tells.

    Taken out: ids are not compared.
    """
    tables = {name: feeder.table(name) for name in ("shorter", "longer")}
    for table in tables.values():
        for row in range(30):
            feeder.put(table, {"id": row, "title": "old", "project_id": 1})
    feeder.flush()
    for table in tables.values():
        eventually(partial(_at_the_end, feeder, sink.group, table), what="positions at the end")
    feeder.make_again(*tables.values())
    wanted = {}
    for name, rows in (("shorter", 10), ("longer", 90)):
        for row in range(1000, 1000 + rows):
            wanted[f"{name}/{row}"] = feeder.put(tables[name], {"id": row, "title": "new", "project_id": 1})
    feeder.flush()
    eventually(
        lambda: [each for each, version in wanted.items() if index.version(each) != version] == [],
        what="the rows of the new topics",
        timeout_s=90,
    )
    eventually(lambda: sorted(_asked(feeder)) == ["public.longer", "public.shorter"], what="what was asked for")
    assert all("made again" in command["detail"] for command in feeder.commands())


def _at_the_end(feeder, group: str, table: TableName) -> bool:
    committed = feeder.committed(group, table)
    return {partition: next_offset for partition, (next_offset, _) in committed.items()} == feeder.ends(table)


def _asked(feeder) -> list[str]:
    return [table for command in feeder.commands() for table in command["tables"]]
