"""Rules of partitions that wait, each taken out by one edit; see `tests.mutants`."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_WAITING = "tests/unit/cdc_reader/test_waiting_leaves.py"
_JUDGED = "tests/unit/cdc_reader/discovery/test_waiting_leaves.py"
_QUERIES = "tests/unit/cdc_reader/postgres/test_row_queries.py"
_COMPARED = "tests/integration/rowferry/test_reconcile.py"  # what a server holds for members is its own affair

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        rule="D3",
        without="dropping the rows of leaves that are not streamed",
        file="cdc_reader/snapshot/chunk_queries.py",
        text="rows=list(compress(rows, sent)) if request.tells_leaves else rows,",
        replacement="rows=rows,",
        tests=(
            f"{_WAITING}::test_d3_row_of_a_partition_that_is_not_streamed_is_not_read",
            f"{_WAITING}::test_d3_row_of_a_partition_that_comes_before_a_chunk_and_goes_again_is_not_read",
        ),
    ),
    Mutant(
        rule="D3",
        without="going on behind rows that are dropped",
        file="cdc_reader/snapshot/chunk_queries.py",
        text="last_key = parse_row_key(rows[-1][0]) if rows else None",
        replacement="last_key = parse_row_key([*compress(rows, sent or [True] * len(rows))][-1][0]) if rows else None",
        tests=(f"{_WAITING}::test_d3_row_of_a_partition_that_is_not_streamed_is_not_read",),
    ),
    Mutant(
        rule="S5",
        without="reading single keys of streamed leaves alone",
        file="cdc_reader/postgres/row_queries.py",
        text=" OFFSET 0) AS r WHERE {self._streamed()}",
        replacement=" OFFSET 0) AS r",
        tests=(
            f"{_WAITING}::test_s5_key_of_a_row_that_is_in_a_partition_that_waits_is_not_there",
            f"{_QUERIES}::test_s5_single_keys_are_those_of_streamed_leaves",
        ),
    ),
    Mutant(
        rule="D8",
        without="a partition that waits alone",
        file="cdc_reader/discovery/forbidden_tables.py",
        text="catalog, role = with_waiting_leaves(catalog, troubles), catalog.server.user",
        replacement="role = catalog.server.user",
        tests=(
            f"{_WAITING}::test_d8_partition_that_we_may_not_publish_waits_and_its_root_goes_on",
            f"{_WAITING}::test_d8_partition_that_cannot_be_added_now_is_tried_again",
        ),
    ),
    Mutant(
        rule="S5",
        without="letting a partition wait that would be sent on other terms",
        file="cdc_reader/discovery/waiting_leaves.py",
        text=" and not _limits(terms):\n",
        replacement=":\n",
        tests=(f"{_JUDGED}::test_d8_partition_that_cannot_be_published_waits",),
    ),
    Mutant(
        rule="D8",
        without="forgetting the trouble of what is gone",
        file="cdc_reader/tables/troubles.py",
        text="        for table in gone:\n",
        replacement="        for table in ():\n",
        tests=(f"{_WAITING}::test_d8_trouble_of_a_partition_that_is_gone_is_forgotten",),
    ),
    Mutant(
        rule="D1",
        without="a definition at the end of a scan that is of the streamed leaves",
        file="cdc_reader/discovery/definition_changes.py",
        text="if leaf.oid not in waiting)",
        replacement=")",
        tests=(f"{_WAITING}::test_d1_scan_of_a_root_with_a_partition_that_waits_ends",),
    ),
    Mutant(
        rule="D8",
        without="keeping the rows of a partition that left the publication",
        file="cdc_reader/snapshot/outdated.py",
        text="for oid, mark in known.marks.items() if oid not in waiting}",
        replacement="for oid, mark in known.marks.items()}",
        tests=(f"{_WAITING}::test_d8_rows_of_a_partition_that_leaves_the_publication_stay_until_it_is_back",),
    ),
    Mutant(
        rule="D3",
        without="sweeping the root of a partition that left the publication, and is back or gone",
        file="cdc_reader/snapshot/outdated.py",
        text="[oid for oid in known.left if oid not in waiting]",
        replacement="[]",
        tests=(
            f"{_WAITING}::test_d8_rows_of_a_partition_that_leaves_the_publication_stay_until_it_is_back",
            f"{_WAITING}::test_d3_partition_that_left_the_publication_and_is_detached_takes_its_rows_along",
        ),
    ),
    Mutant(
        rule="S5",
        without="a comparison of published partitions alone",
        file="rowferry/reconcile/database.py",
        text="return [leaf for leaf in leaves if self._member(leaf) is not None] or leaves",
        replacement="return leaves",
        tests=(f"{_COMPARED}::test_s5_rows_of_a_partition_that_is_not_published_are_not_compared_and_it_is_named",),
    ),
    Mutant(
        rule="D3",
        without="keeping in mind what left while nothing is swept",
        file="cdc_reader/snapshot/definition_records.py",
        text="() if sweeps else self._left(table.name)",
        replacement="()",
        tests=(f"{_WAITING}::test_d3_scan_that_sweeps_nothing_keeps_what_left_in_mind",),
    ),
    Mutant(
        rule="D8",
        without="the row filter that a lock hides, of a table with a partition that waits",
        file="cdc_reader/discovery/row_filters.py",
        text=" if str(leaf.name) not in entry.waiting)",
        replacement=")",
        tests=(f"{_WAITING}::test_d8_lock_hides_no_row_filter_of_a_table_with_a_partition_that_waits",),
    ),
    Mutant(
        rule="D3",
        without="the partitions of a table that is read alone",
        file="cdc_reader/discovery/catalog_queries.py",
        text="JOIN pg_catalog.pg_inherits i ON i.inhparent = named.oid",
        replacement="JOIN pg_catalog.pg_inherits i ON i.inhparent = named.oid AND i.inhseqno > 1",
        tests=(
            "tests/integration/cdc_reader/test_discovery.py::test_d3_table_that_is_read_alone_is_what_it_is_among_all",
        ),
    ),
)
