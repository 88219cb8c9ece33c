"""Rules of a whole member of the fetcher, each taken out by one edit; see `tests.mutants`."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_UNIT = "tests/unit/file_fetcher"
_RESULTS = f"{_UNIT}/test_results_again.py"

MUTANTS: tuple[Mutant, ...] = (
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
        text="            self._put_off(read.partitions, starts)\n            return\n",
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
        "            commits = {each: CommittedPosition.read(*found) for each, found in again.items()}\n"
        "            starts = {each: start_of(commits.get(each), logs[each], there[each].anew) for each in there}\n",
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
        text="            self._check(assigned, start.position, start.anew)\n",
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
    Mutant(
        rule="V11",
        without="a look at the topics of results",
        file="file_fetcher/intake/partitions.py",
        text="        if wanted != results_id:\n",
        replacement="        if False:\n",
        tests=(
            f"{_RESULTS}::test_v11_results_are_published_again_when_their_topics_were_made_again",
            f"{_RESULTS}::test_v11_what_was_begun_is_finished_by_whoever_has_the_partition_next",
        ),
    ),
    Mutant(
        rule="V11",
        without="taking the topics that are there for those of a position that says none",
        file="file_fetcher/intake/partitions.py",
        text="        if self.results_id is None:\n",
        replacement="        if False:\n",
        tests=(f"{_RESULTS}::test_v11_position_that_does_not_say_where_results_are_takes_the_topics_that_are_there",),
    ),
    Mutant(
        rule="V11",
        without="where results are beside the position",
        file="file_fetcher/intake/partitions.py",
        text="replace(position, results_id=self.results_id)",
        replacement="position",
        tests=(f"{_RESULTS}::test_v11_what_was_begun_is_finished_by_whoever_has_the_partition_next",),
    ),
    Mutant(
        rule="V11",
        without="where results are of a partition that begins anew",
        file="cdc_runtime/consuming/topic_lives.py",
        text="    results_id = None if committed is None else committed.results_id\n",
        replacement="    results_id = None if committed is None or anew is not None else committed.results_id\n",
        tests=(f"{_RESULTS}::test_v11_results_are_published_again_of_a_table_whose_topic_was_made_again_too",),
    ),
    Mutant(
        rule="V11",
        without="the old topics at the position until every row was seen to",
        file="file_fetcher/intake/partitions.py",
        text="            self.again = ResultsAgain(results_id)\n",
        replacement="            self.again, self.results_id = ResultsAgain(results_id), results_id\n",
        tests=(f"{_RESULTS}::test_v11_position_says_where_results_are_once_every_row_was_seen_to",),
    ),
    Mutant(
        rule="V11",
        without="a page once more that did not happen",
        file="file_fetcher/publishing_again.py",
        text="            return\n        again.rows",
        replacement="            pass\n        again.rows",
        tests=(f"{_RESULTS}::test_v11_position_says_where_results_are_once_every_row_was_seen_to",),
    ),
    Mutant(
        rule="V11",
        without="the pages behind the first",
        file="file_fetcher/publishing_again.py",
        text="        if len(rows) == _PAGE:\n            return\n",
        replacement="",
        tests=(f"{_RESULTS}::test_v11_what_was_begun_is_finished_by_whoever_has_the_partition_next",),
    ),
    Mutant(
        rule="V11",
        without="passing over what waits already",
        file="file_fetcher/settling/settlement.py",
        text="        if file.state is State.RETRYING\n        else replace(",
        replacement="        if False\n        else replace(",
        tests=(
            f"{_UNIT}/test_lost_retries.py::test_v11_rows_whose_results_are_published_again_are_asked_for",
            f"{_RESULTS}::test_v11_what_was_begun_is_finished_by_whoever_has_the_partition_next",
        ),
    ),
    Mutant(
        rule="V11",
        without="a commit of where results are when nothing else moved",
        file="cdc_runtime/consuming/partitions.py",
        text="age.due(position.next_offset, position.results_id)",
        replacement="age.due(position.next_offset, self[topic_partition].age._committed_results_id)",
        tests=(f"{_RESULTS}::test_v11_results_are_published_again_when_their_topics_were_made_again",),
    ),
)
