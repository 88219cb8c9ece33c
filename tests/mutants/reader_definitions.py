"""Rules of what a table's definition is, each taken out by one edit; see `tests.mutants`."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_UNIT = "tests/unit/cdc_reader"
_LEAVES = f"{_UNIT}/test_new_leaves.py"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        rule="D1",
        without="the fingerprint of earlier releases",
        file="cdc_reader/discovery/fingerprints.py",
        text="row.dropped, row.generated, row.xmin]",
        replacement="row.dropped, row.generated]",
        tests=(
            f"{_UNIT}/discovery/test_fingerprints.py"
            "::test_d1_former_fingerprint_stays_what_it_is_from_release_to_release",
        ),
    ),
    Mutant(
        rule="D1",
        without="rewrites that keep the structure",
        file="cdc_reader/discovery/fingerprints.py",
        text="structure == structure_now and (columns == columns_now or file == file_now)",
        replacement="structure == structure_now",
        tests=(
            f"{_UNIT}/discovery/test_fingerprints.py::test_d1_what_gives_rows_another_meaning_is_another_definition",
            f"{_UNIT}/test_same_definitions.py::test_d1_rewrite_to_the_same_structure_is_met",
        ),
    ),
    Mutant(
        rule="D1",
        without="comparing the order of columns behind each chunk",
        file="cdc_reader/tables/read_names.py",
        text="return [each for each in now if each[0] in types] != [(column, types[column]) for column in order]",
        replacement="return any(types[column] != dict(now).get(column) for column in order)",
        tests=(f"{_UNIT}/test_same_definitions.py::test_d1_chunk_that_was_read_under_exchanged_names_is_read_again",),
    ),
    Mutant(
        rule="V5",
        without="comparing names behind a row that is read again",
        file="cdc_reader/stream/toast_refetch.py",
        text="            if read_otherwise(connection, table):\n",
        replacement="            if False:\n",
        tests=(
            f"{_UNIT}/stream/test_toast_refetch.py"
            "::test_v5_value_of_a_column_that_had_the_name_for_a_moment_is_not_read_into_an_event",
        ),
    ),
    Mutant(
        rule="D3",
        without="looking whose name it was that a chunk was read by",
        file="cdc_reader/tables/read_names.py",
        text='if name is None or quote_table(name) != read.relation.removeprefix("ONLY "):',
        replacement="if name is None:",
        tests=(
            f"{_UNIT}/test_new_leaves.py::test_d3_partition_that_is_renamed_before_it_is_read_is_the_one_that_came",
        ),
    ),
    Mutant(
        rule="D1",
        without="partitions that were detached for a time",
        file="cdc_reader/discovery/fingerprints.py",
        text="[*relation.parents, *relation.attached],",
        replacement="list(relation.parents),",
        tests=(
            f"{_UNIT}/discovery/test_fingerprints.py::test_d1_what_gives_rows_another_meaning_is_another_definition",
        ),
    ),
    Mutant(
        rule="D1",
        without="telling DDL that rewrites nothing from DDL that does",
        file="cdc_reader/discovery/fingerprints.py",
        text="(columns == columns_now or file == file_now)",
        replacement="columns == columns_now",
        tests=(
            f"{_UNIT}/discovery/test_fingerprints.py::test_d1_what_leaves_rows_as_they_are_is_the_same_definition",
            f"{_UNIT}/test_same_definitions.py::test_d1_what_no_row_depends_on_reads_nothing",
        ),
    ),
    Mutant(
        rule="D1",
        without="reading again what came under another definition",
        file="cdc_reader/tables/captured.py",
        text="        self.table.otherwise = True\n",
        replacement="",
        tests=(
            f"{_UNIT}/test_same_definitions.py::test_d1_rows_under_a_name_that_is_gone_again_are_read_again",
            f"{_UNIT}/test_same_definitions.py"
            "::test_d1_rows_that_come_otherwise_while_they_are_read_again_are_read_once_more",
        ),
    ),
    Mutant(
        rule="D1",
        without="the order of columns in a relation",
        file="cdc_reader/tables/encoder_plans.py",
        text="if places != sorted(places):",
        replacement="if False:",
        tests=(f"{_UNIT}/test_same_definitions.py::test_d1_names_that_were_exchanged_and_back_are_met",),
    ),
    Mutant(
        rule="D1",
        without="recording the definition that was proved last",
        file="cdc_reader/tables/told_anew.py",
        text="                self._definitions.moved(name, marks)\n",
        replacement="",
        tests=(f"{_UNIT}/test_same_definitions.py::test_d1_steps_that_are_proved_apart_are_no_rewrite_together",),
    ),
    Mutant(
        rule="D1",
        without="comparing with the definition that was proved last",
        file="cdc_reader/discovery/definition_changes.py",
        text="self._known, self._seen = now, catalog",
        replacement="self._seen = catalog",
        tests=(f"{_UNIT}/test_same_definitions.py::test_d1_steps_that_are_proved_apart_are_no_rewrite_together",),
    ),
    Mutant(
        rule="D1",
        without="the progress of earlier releases",
        file="cdc_reader/snapshot/outdated.py",
        text="return None if progress.fingerprint == former_fingerprint(catalog.table(table.name)) else CHANGED",
        replacement="return CHANGED",
        tests=(
            f"{_UNIT}/test_same_definitions.py"
            "::test_d1_progress_of_an_earlier_release_counts_while_its_definition_is_the_same",
        ),
    ),
    Mutant(
        rule="D1",
        without="waiting for the comparison before a scan begins",
        file="cdc_reader/session.py",
        text="            if not self._in_doubt:\n",
        replacement="            if True:\n",
        tests=(f"{_UNIT}/test_same_definitions.py::test_d1_no_scan_begins_while_a_definition_is_in_doubt",),
    ),
    Mutant(
        rule="D9",
        without="what is only told of a table",
        file="cdc_reader/tables/told_anew.py",
        text="if known.capture.mode in CAPTURED or not known.binds:",
        replacement="if False:",
        tests=(
            f"{_UNIT}/test_same_definitions.py::test_d9_default_and_comment_are_told_without_a_new_session",
            f"{_UNIT}/test_catalog_changes.py::test_d9_what_is_only_told_of_a_table_is_written_and_nothing_read_again",
        ),
    ),
    Mutant(
        rule="D9",
        without="telling what no row depends on from the rest",
        file="cdc_reader/discovery/definition_changes.py",
        text="return replace(column, description=None, default=None, nullable=True)",
        replacement="return column",
        tests=(f"{_UNIT}/test_same_definitions.py::test_d9_default_and_comment_are_told_without_a_new_session",),
    ),
    Mutant(
        rule="D3",
        without="leaves in the marks of a table",
        file="cdc_reader/discovery/fingerprints.py",
        text="return [table.relation, *sorted(table.leaves, key=lambda leaf: leaf.oid)]",
        replacement="return [table.relation]",
        tests=(
            f"{_UNIT}/discovery/test_fingerprints.py::test_d3_leaf_that_is_gone_took_its_rows_along",
            f"{_UNIT}/discovery/test_fingerprints.py::test_d3_leaf_that_was_rewritten_is_its_root_s",
        ),
    ),
    Mutant(
        rule="D3",
        without="the rows of a partition that came",
        file="cdc_reader/snapshot/outdated.py",
        text="unread = {*stored.unread, *leaves_added(stored.marks, table.marks)} if stored is not None else ()",
        replacement="unread = stored.unread if stored is not None else ()",
        tests=(
            f"{_LEAVES}::test_d3_partition_that_comes_is_read_alone",
            f"{_LEAVES}::test_d3_partition_that_was_not_read_before_the_end_is_read_by_the_next_reader",
        ),
    ),
    Mutant(
        rule="D3",
        without="a partition beside a scan of its root that goes on",
        file="cdc_reader/snapshot/first_scans.py",
        text="if scan is None or scan.progress is not None:",
        replacement="if scan is None:",
        tests=(f"{_LEAVES}::test_d3_root_that_is_being_read_goes_on_behind_the_partition",),
    ),
    Mutant(
        rule="D3",
        without="sweeping a root behind its partitions",
        file="cdc_reader/snapshot/runner.py",
        text="unread = {scan.table for scan in self.scans if scan.leaf is not None}",
        replacement="unread = set()",
        tests=(f"{_LEAVES}::test_d3_root_that_is_being_read_goes_on_behind_the_partition",),
    ),
    Mutant(
        rule="D3",
        without="one scan where a root is read anew",
        file="cdc_reader/snapshot/runner.py",
        text="if other.table == scan.table and other.keys is None",
        replacement="if other.table == scan.table and other.whole_table",
        tests=(f"{_LEAVES}::test_d3_root_that_is_read_anew_takes_the_partition_in",),
    ),
    Mutant(
        rule="D3",
        without="the progress of a partition",
        file="cdc_reader/progress/stored.py",
        text="            stored.leaves[progress.table, progress.leaf] = progress\n",
        replacement="            pass\n",
        tests=(
            f"{_LEAVES}::test_d3_partition_goes_on_where_its_reading_was_killed",
            f"{_LEAVES}::test_d3_partition_in_another_order_is_held_and_its_root_stays",
        ),
    ),
    Mutant(
        rule="D3",
        without="forgetting the progress of a partition that its root has taken in",
        file="cdc_reader/snapshot/definition_records.py",
        text="        for leaf in (*self._unread(table.name), *self._left(table.name)):\n",
        replacement="        for leaf in ():\n",
        tests=(
            f"{_LEAVES}::test_d3_partition_that_goes_before_it_is_read_takes_its_rows_along",
            f"{_LEAVES}::test_d3_partition_in_another_order_is_held_and_its_root_stays",
        ),
    ),
    Mutant(
        rule="S4",
        without="waiting for those who wrote to a partition",
        file="cdc_reader/snapshot/first_scans.py",
        text="needs_writers=progress is None,",
        replacement="needs_writers=False,",
        tests=(f"{_LEAVES}::test_d3_partition_is_read_when_those_who_wrote_to_it_before_have_ended",),
    ),
    Mutant(
        rule="S4",
        without="telling those who wrote to a partition from those who write to its root",
        file="cdc_reader/snapshot/runner.py",
        text="if scan.leaf is None else {scan.leaf}",
        replacement="if True else {0}",
        tests=(f"{_LEAVES}::test_d3_partition_is_read_when_those_who_wrote_to_it_before_have_ended",),
    ),
)
