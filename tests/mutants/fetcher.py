"""Rules of the fetcher, each taken out by one edit; see `tests.mutants`."""

from __future__ import annotations

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
        text="not self.ready or ",
        replacement="",
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
        text="return row_version * ATTEMPTS + min(attempt, ATTEMPTS - 1)",
        replacement="return row_version * ATTEMPTS",
        tests=(
            "tests/unit/schemas/test_file_results.py::test_f3_version_grows_with_the_row_and_within_it_with_the_attempt",
        ),
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
        text="if not refreshed and present",
        replacement="if False and present",
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
    Mutant(
        rule="F1",
        without="forgetting what was under way for a lost partition",
        file="file_fetcher/open_works.py",
        text="for work in self._row_order.drop(gone):",
        replacement="for work in ():",
        tests=(f"{_UNIT}/test_lost_partitions.py::test_f1_nothing_is_settled_that_was_under_way_for_a_lost_partition",),
    ),
    Mutant(
        rule="F1",
        without="forgetting what was finished for a lost partition",
        file="file_fetcher/open_works.py",
        text="[work for work in self._finished if work.topic_partition not in gone]",
        replacement="self._finished",
        tests=(f"{_UNIT}/test_lost_partitions.py::test_f1_nothing_is_settled_that_was_finished_for_a_lost_partition",),
    ),
    Mutant(
        rule="F1",
        without="forgetting transactions that did not happen for a lost partition",
        file="file_fetcher/settling/finished_works.py",
        text="        self._transactions.drop(partitions)\n",
        replacement="",
        tests=(
            f"{_UNIT}/test_lost_partitions.py::test_f1_nothing_is_settled_again_that_did_not_happen_for_a_lost_partition",
        ),
    ),
    Mutant(
        rule="F1",
        without="forgetting the offsets of a lost partition",
        file="file_fetcher/intake/assignment.py",
        text="self.partitions.pop(topic_partition, None)",
        replacement="self.partitions.get(topic_partition)",
        tests=(f"{_UNIT}/test_lost_partitions.py::test_f1_no_offset_of_a_lost_partition_is_committed",),
    ),
    Mutant(
        rule="F1",
        without="letting go of what is lost",
        file="file_fetcher/group_member.py",
        text='self._fetcher.drop(partitions, "lost")',
        replacement="self.on_revoke(partitions)",
        tests=(f"{_UNIT}/test_group_member.py::test_f1_what_is_finished_is_not_settled_when_its_partition_is_lost",),
    ),
    Mutant(
        rule="F1",
        without="settling before what is revoked goes",
        file="file_fetcher/group_member.py",
        text="self._fetcher.revoke(partitions, ",
        replacement='self._fetcher.drop(partitions, "revoke") or (',
        tests=(f"{_UNIT}/test_group_member.py::test_f1_what_is_finished_is_settled_before_a_partition_is_given_up",),
    ),
    Mutant(
        rule="F2",
        without="reading the state of new partitions",
        file="file_fetcher/state_reads.py",
        text="            self._catch_up(partitions)\n",
        replacement="",
        tests=(
            f"{_UNIT}/test_group_member.py::test_f2_records_wait_until_the_state_of_their_partition_was_read",
            f"{_UNIT}/test_state_reads.py::"
            "test_f2_partition_is_ready_when_its_state_has_been_read_behind_its_committed_offset",
        ),
    ),
    Mutant(
        rule="F2",
        without="reading state again that could not be read",
        file="file_fetcher/state_reads.py",
        text="            self._put_off(read.partitions, problem)\n            return\n",
        replacement="            pass\n",
        tests=(
            f"{_UNIT}/test_state_reads.py::"
            "test_f2_state_that_was_not_read_to_its_end_is_read_again_before_anything_goes_on",
            f"{_UNIT}/test_group_member.py::test_f2_state_that_cannot_be_read_is_read_again_before_anything_is_handled",
        ),
    ),
    Mutant(
        rule="F2",
        without="asking for offsets before state is read",
        file="file_fetcher/state_reads.py",
        text="            self._catch_up(partitions)\n",
        replacement="            self._catch_up(partitions)\n"
        "            again = self._positions.committed_with_metadata([each.topic_partition for each in new])\n"
        "            commits.update({each: CommittedPosition(offset, None) for each, (offset, _) in again.items()})\n",
        tests=(
            f"{_UNIT}/test_group_member.py::test_f2_offset_is_of_before_the_state_so_that_nothing_is_behind_one_and_not_in_the_other",
        ),
    ),
    Mutant(
        rule="F1",
        without="settling again what did not happen",
        file="file_fetcher/settling/waiting_works.py",
        text="for work in chain(self._again, self._later):",
        replacement="for work in self._later:",
        tests=(
            f"{_UNIT}/settling/test_waiting_works.py::test_f1_works_of_a_transaction_that_did_not_happen_come_first",
        ),
    ),
    Mutant(
        rule="F4",
        without="a bound for the writes of a transaction",
        file="file_fetcher/settling/waiting_works.py",
        text="if size > _MOST_WRITES and batch",
        replacement="if False and batch",
        tests=(
            f"{_UNIT}/settling/test_waiting_works.py::test_large_works_are_shared_out_but_what_was_together_stays_so",
        ),
    ),
    Mutant(
        rule="F1",
        without="keeping works together whose offsets are done",
        file="file_fetcher/settling/waiting_works.py",
        text=" and len(batch) >= len(self._again)",
        replacement="",
        tests=(
            f"{_UNIT}/settling/test_waiting_works.py::test_large_works_are_shared_out_but_what_was_together_stays_so",
        ),
    ),
    Mutant(
        rule="V9",
        without="a look at what is remembered when a retry starts",
        file="file_fetcher/work_plan.py",
        text="    if file is None or reference is None:\n        return WorkPlan()\n"
        "    return WorkPlan({file.file_id: Fetch(reference, retry.attempt, file.since_ms or now_ms)})",
        replacement="    if reference is None:\n        return WorkPlan()\n"
        "    return WorkPlan({retry.file_id: Fetch(reference, retry.attempt, now_ms)})",
        tests=(
            f"{_UNIT}/test_work_plan.py::test_v9_retry_fetches_what_waits_for_just_it",
            f"{_UNIT}/test_work_plan.py::test_v9_retry_of_a_row_that_ended_fetches_nothing",
        ),
    ),
    Mutant(
        rule="V7",
        without="the check of a partition that waits",
        file="file_fetcher/state_reads.py",
        text="            if assigned.age.check_due(now_ms):\n",
        replacement="            if assigned.age.check_due(now_ms) and not assigned.waits:\n",
        tests=(f"{_UNIT}/test_life_cycle.py::test_v7_partition_that_waits_is_checked_again_each_hour",),
    ),
    Mutant(
        rule="V7",
        without="the check before a partition is ready",
        file="file_fetcher/intake/reader_questions.py",
        text="            self._check(assigned, commits.get(assigned.topic_partition))\n",
        replacement="            pass\n",
        tests=(f"{_UNIT}/test_life_cycle.py::test_v7_partition_is_checked_before_it_is_ready",),
    ),
    Mutant(
        rule="F1",
        without="giving up without settling after an error",
        file="file_fetcher/group_member.py",
        text="        if self._terminated:\n",
        replacement="        if False:\n",
        tests=(f"{_UNIT}/test_life_cycle.py::test_f1_member_that_is_terminated_settles_nothing",),
    ),
    Mutant(
        rule="F3",
        without="comparing a row's version with what is remembered",
        file="file_fetcher/settling/settlement.py",
        text="elif held is None or held.row_version < work.row.version:",
        replacement="else:",
        tests=(f"{_UNIT}/test_result_versions.py::test_f3_event_of_an_older_version_that_comes_again_changes_nothing",),
    ),
    Mutant(
        rule="F3",
        without="writing the version of a row with every event",
        file="file_fetcher/settling/settlement.py",
        text="        if files:\n            for file in difference.gone:",
        replacement="        if difference.fetch:\n            for file in difference.gone:",
        tests=(
            f"{_UNIT}/test_result_versions.py::test_f3_version_of_a_row_that_holds_references_is_written_with_every_event",
        ),
    ),
    Mutant(
        rule="V3",
        without="the result of what is gone",
        file="file_fetcher/settling/settlement.py",
        text="self._now_ms)\n        self._publish(result)\n        self._end_rows(file, ()",
        replacement="self._now_ms)\n        self._end_rows(file, ()",
        tests=(
            f"{_UNIT}/test_result_versions.py::test_f3_v3_reference_that_is_gone_stays_as_a_result_of_the_version_that_ended_it",
        ),
    ),
    Mutant(
        rule="F3",
        without="the version that brought a reference",
        file="file_fetcher/settling/settlement.py",
        text="work.fetches[retry.file_id], file, file.version)",
        replacement="work.fetches[retry.file_id], file, held.row_version)",
        tests=(
            f"{_UNIT}/test_result_versions.py::test_f3_reference_that_stays_keeps_the_version_of_the_row_that_brought_it",
        ),
    ),
    Mutant(
        rule="V7",
        without="what was asked for before",
        file="file_fetcher/intake/reader_questions.py",
        text="asked=answer is not Answer.SOUND",
        replacement="asked=False",
        tests=(f"{_UNIT}/test_life_cycle.py::test_v7_what_was_asked_for_counts_from_there",),
    ),
    Mutant(
        rule="F1",
        without="settling when a member leaves",
        file="file_fetcher/group_member.py",
        text="        if self._terminated:\n            self._fetcher.drop(",
        replacement="        if self._terminated or self._leaving:\n            self._fetcher.drop(",
        tests=(f"{_UNIT}/test_life_cycle.py::test_f1_member_that_joins_settles_before_it_gives_its_partitions_back",),
    ),
)
