"""Rules of the fetcher, each taken out by one edit; see `tests.mutants`."""

from __future__ import annotations

from tests.mutants import fetcher_members
from tests.mutants.mutant import Mutant

_UNIT = "tests/unit/file_fetcher"
_FETCHER = f"{_UNIT}/test_fetcher.py"
_LOCAL = f"{_UNIT}/references/test_local.py"
_TRANSACTIONS = f"{_UNIT}/settling/test_kafka_transactions.py"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        rule="F1",
        without="one transaction for results and offsets",
        file="file_fetcher/settling/kafka_transactions.py",
        text="publish(writes, offsets, ",
        replacement="publish(writes, {}, None, texts={}) or self._publisher.publish((), offsets, ",
        tests=(f"{_TRANSACTIONS}::test_f1_results_state_and_offset_go_out_in_one_transaction",),
    ),
    Mutant(
        rule="F1",
        without="the store waiting for the commit",
        file="file_fetcher/settling/kafka_transactions.py",
        text="        try:\n            self._publisher.publish(",
        replacement="        self._store.apply(each for one in settlements for each in one.changes)\n"
        "        try:\n            self._publisher.publish(",
        tests=(f"{_TRANSACTIONS}::test_f1_store_is_told_after_the_commit_and_not_before",),
    ),
    Mutant(
        rule="F1",
        without="a position in every transaction",
        file="file_fetcher/settling/kafka_transactions.py",
        text="= self._any_position()",
        replacement="= {}",
        tests=(
            f"{_TRANSACTIONS}::test_f1_retry_alone_names_a_position_so_that_a_member_that_was_thrown_out_is_refused",
        ),
    ),
    Mutant(
        rule="F1",
        without="settling what is finished before a partition is given up",
        file="file_fetcher/fetcher.py",
        text="        if not self._reading:\n            self._finished.settle(member)\n        self.drop(",
        replacement="        self.drop(",
        tests=(f"{_FETCHER}::test_f1_what_is_finished_is_settled_when_a_partition_is_revoked_and_the_rest_is_left",),
    ),
    Mutant(
        rule="F1",
        without="reading state again after an unknown outcome",
        file="file_fetcher/settling/transaction_states.py",
        text="doubts(state) | frozenset(partitions)",
        replacement="doubts(state)",
        tests=(
            f"{_TRANSACTIONS}::test_f1_state_is_read_again_from_the_topics_after_an_unknown_outcome",
            f"{_UNIT}/settling/test_transaction_states.py::test_f1_what_failed_is_in_doubt_of_all_that_it_wrote_to",
        ),
    ),
    Mutant(
        rule="F2",
        without="waiting until a partition's state was read",
        file="cdc_runtime/consuming/partitions.py",
        text="not self.ready or self.doubted or ",
        replacement="self.doubted or ",
        tests=(f"{_FETCHER}::test_f2_nothing_is_handled_before_what_was_remembered_was_read",),
    ),
    Mutant(
        rule="F2",
        without="standing still while state is read",
        file="file_fetcher/fetcher.py",
        text="return self._reading or ",
        replacement="return ",
        tests=(f"{_FETCHER}::test_f2_while_state_is_read_nothing_is_started_or_settled",),
    ),
    Mutant(
        rule="F1",
        without="settling an event only once",
        file="file_fetcher/settling/settlement.py",
        text="elif held is None or held.row_version < work.row.version:",
        replacement="else:",
        tests=(
            f"{_UNIT}/settling/test_settlement_histories.py::"
            "test_f1_every_history_leaves_each_reference_with_one_final_state",
        ),
    ),
    Mutant(
        rule="F3",
        without="the attempt in a result's version",
        file="schemas/file_results.py",
        text="return row_version * _WIDE + min(attempt, _WIDE - 1)",
        replacement="return row_version * _WIDE",
        tests=(
            "tests/unit/schemas/test_file_results.py::test_f3_version_grows_with_the_row_and_within_it_with_the_attempt",
        ),
    ),
    Mutant(
        rule="F3",
        without="smaller steps for rows from 2035 on",
        file="schemas/file_results.py",
        text="    if row_version < _NARROW_FROM:",
        replacement="    if True:",
        tests=("tests/unit/schemas/test_file_results.py::test_f3_version_fits_into_a_long_until_the_year_2136",),
    ),
    Mutant(
        rule="F3",
        without="beginning above what is stored",
        file="schemas/file_results.py",
        text="return _FIRST_NARROW + (row_version",
        replacement="return (row_version",
        tests=("tests/unit/schemas/test_file_results.py::test_f3_versions_rise_from_every_result_that_is_stored",),
    ),
    Mutant(
        rule="V2",
        without="the version of a tombstone",
        file="file_fetcher/intake/rows.py",
        text="        version=change.version,",
        replacement="        version=event.version if event is not None else 0,",
        tests=(f"{_UNIT}/intake/test_rows.py::test_v2_tombstone_is_a_deleted_row",),
    ),
    Mutant(
        rule="V2",
        without="reading a tombstone without a schema",
        file="file_fetcher/intake/record_reader.py",
        text="        if record.value is not None:\n            fingerprint, _ = split(record.value)",
        replacement='        if True:\n            fingerprint, _ = split(record.value or b"\\xc3\\x01" + bytes(8))',
        tests=(f"{_UNIT}/intake/test_record_reader.py::test_v2_tombstone_needs_no_schema",),
    ),
    Mutant(
        rule="V4",
        without="a floor's wait for what came before it",
        file="file_fetcher/floor_runs.py",
        text="if floor is None or ",
        replacement="if floor is None or False and ",
        tests=(f"{_FETCHER}::test_v4_floor_stands_alone_in_its_partition",),
    ),
    Mutant(
        rule="V4",
        without="the wait of what follows a floor",
        file="file_fetcher/intake/partitions.py",
        text="self.floor is not None or ",
        replacement="",
        tests=(f"{_FETCHER}::test_v4_floor_stands_alone_in_its_partition",),
    ),
    Mutant(
        rule="V4",
        without="a floor's partition",
        file="file_fetcher/references/local.py",
        text="WHERE tab = ? AND part = ? AND record_id > ?",
        replacement="WHERE tab = ? AND (1 OR part = ?) AND record_id > ?",
        tests=(f"{_FETCHER}::test_v4_floor_ends_nothing_of_another_partition_and_does_not_hold_it_up",),
    ),
    Mutant(
        rule="V4",
        without="a floor standing until its transaction has happened",
        file="file_fetcher/floor_runs.py",
        text="publish_apart(settlements, partition, member)\n            return False\n",
        replacement="publish_apart(settlements, partition, member)\n",
        tests=(f"{_FETCHER}::test_v4_floor_whose_transaction_fails_is_carried_out_before_it_passes",),
    ),
    Mutant(
        rule="V9",
        without="a retry's version and attempt",
        file="file_fetcher/references/local.py",
        text='AND version = ? AND attempt = ?"',
        replacement='AND (1 OR version = ? OR attempt = ?)"',
        tests=(f"{_LOCAL}::test_v9_a_retry_that_nothing_waits_for_is_not_kept",),
    ),
    Mutant(
        rule="V9",
        without="the end of a retry when its reference waits no longer",
        file="file_fetcher/references/local.py",
        text="if file is None or (file.version, file.attempt) != (version, attempt):",
        replacement="if False:",
        tests=(f"{_LOCAL}::test_v9_a_retry_goes_when_its_reference_no_longer_waits_for_it",),
    ),
    Mutant(
        rule="V9",
        without="a look at what waits when a retry is started",
        file="file_fetcher/settling/settlement.py",
        text="return file if waits and file.attempt == retry.attempt else None",
        replacement="return file",
        tests=(
            f"{_FETCHER}::test_v9_retry_that_waits_behind_a_change_finds_that_it_is_not_wanted",
            f"{_UNIT}/settling/test_settlement.py::test_v9_retry_of_what_nobody_waits_for_changes_nothing",
        ),
    ),
    Mutant(
        rule="P8",
        without="the references of a column that an event could not carry",
        file="file_fetcher/settling/reference_diff.py",
        text="same.extend(file for file in before.values() if file.column in row.unknown)",
        replacement="",
        tests=(
            f"{_UNIT}/settling/test_reference_diff.py::test_p8_nothing_is_concluded_of_a_column_that_an_event_could_not_carry",
        ),
    ),
    Mutant(
        rule="P10",
        without="waiting for a schema or table that is not known",
        file="file_fetcher/intake/file_columns.py",
        text="if schema is None or entry is None:\n            return None",
        replacement="if schema is None or entry is None:\n            return ()",
        tests=(
            f"{_UNIT}/intake/test_file_columns.py::test_p10_unknown_table_or_schema_needs_a_refresh_before_and_after",
        ),
    ),
    Mutant(
        rule="P10",
        without="the refresh for an event with other columns",
        file="file_fetcher/intake/file_columns.py",
        text="if not refreshed and not _explains(entry, fingerprint, present)",
        replacement="if False",
        tests=(
            f"{_UNIT}/intake/test_file_columns.py::test_p10_event_with_other_columns_than_the_entry_waits_for_a_refresh",
        ),
    ),
    Mutant(
        rule="P10",
        without="telling that a schema is not known",
        file="file_fetcher/intake/record_reader.py",
        text="                raise UnknownSchema(fingerprint)\n",
        replacement="                known = ()\n",
        tests=(f"{_UNIT}/intake/test_record_reader.py::test_p10_unknown_schema_or_table_is_told",),
    ),
    Mutant(
        rule="P10",
        without="a partition that waits for a schema",
        file="file_fetcher/intake/admission.py",
        text="except UnknownSchema as exc:\n",
        replacement="except UnknownSchema as exc:\n            return self._give_up(assigned, record, exc)\n",
        tests=(f"{_FETCHER}::test_p10_record_whose_schema_is_unknown_holds_its_partition_until_it_can_be_read",),
    ),
    *fetcher_members.MUTANTS,
)
