"""Rules of the sink, each taken out by one edit; see `tests.mutants`."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_UNIT = "tests/unit/vespa_sink"
_ORDER = f"{_UNIT}/writes/test_write_order.py"
_SEARCHES = f"{_UNIT}/vespa/test_searches.py"
_PARTITIONS = f"{_UNIT}/intake/test_partitions.py"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        rule="V4",
        without="a floor's wait for the writes before it",
        file="vespa_sink/writes/write_order.py",
        text=" and state.open_writes == 0:",
        replacement=":",
        tests=(
            f"{_ORDER}::test_v4_barrier_waits_for_the_writes_before_it_and_holds_those_behind_it",
            f"{_ORDER}::test_v4_two_barriers_are_carried_out_one_after_the_other",
        ),
    ),
    Mutant(
        rule="V4",
        without="the wait of what follows a floor",
        file="vespa_sink/writes/write_order.py",
        text="            state.behind.append(item)\n            return []\n",
        replacement="            pass\n",
        tests=(f"{_ORDER}::test_v4_barrier_waits_for_the_writes_before_it_and_holds_those_behind_it",),
    ),
    Mutant(
        rule="V4",
        without="one partition's floor leaving the others alone",
        file="vespa_sink/writes/write_order.py",
        text="setdefault(item.partition, _Partition())",
        replacement="setdefault(None, _Partition())",
        tests=(f"{_ORDER}::test_v4_barrier_of_one_partition_does_not_hold_another",),
    ),
    Mutant(
        rule="V4",
        without="full coverage of a page",
        file="vespa_sink/vespa/searches.py",
        text='coverage.get("coverage") == FULL_COVERAGE',
        replacement="True",
        tests=(f"{_SEARCHES}::test_v4_answer_is_read_with_its_coverage",),
    ),
    Mutant(
        rule="V4",
        without="full coverage at the end",
        file="vespa_sink/vespa/searches.py",
        text="return self.complete and not self.doc_ids",
        replacement="return not self.doc_ids",
        tests=(f"{_SEARCHES}::test_v4_only_an_empty_page_with_full_coverage_is_the_end",),
    ),
    Mutant(
        rule="V4",
        without="the floor's version in its query",
        file="vespa_sink/vespa/searches.py",
        text=" and version < {self.below_version}L",
        replacement="",
        tests=(f"{_SEARCHES}::test_v4_query_asks_for_one_partition_of_one_table_below_the_floor",),
    ),
    Mutant(
        rule="V4",
        without="the floor's partition in its query",
        file="vespa_sink/vespa/searches.py",
        text=" and source_partition = {partition}",
        replacement="",
        tests=(f"{_SEARCHES}::test_v4_query_asks_for_one_partition_of_one_table_below_the_floor",),
    ),
    Mutant(
        rule="V4",
        without="the longest of several doubts",
        file="vespa_sink/vespa/searches.py",
        text="max(self._until, until)",
        replacement="until",
        tests=(f"{_SEARCHES}::test_v4_doubt_lasts_until_the_latest_request_has_ended",),
    ),
    Mutant(
        rule="V4",
        without="doubts about writes without an answer",
        file="vespa_sink/vespa/answers.py",
        text="return answer.status in _UNKNOWN_OUTCOMES",
        replacement="return False",
        tests=(f"{_UNIT}/vespa/test_answers.py::test_v4_only_answers_without_a_certain_outcome_may_apply_later",),
    ),
    Mutant(
        rule="D7",
        without="the namespace in queries",
        file="vespa_sink/vespa/searches.py",
        text="namespace contains {_quoted(index.namespace)} and {where}",
        replacement="{where}",
        tests=(f"{_SEARCHES}::test_d7_owners_are_asked_of_one_namespace",),
    ),
    Mutant(
        rule="D7",
        without="the comparison of prefixes",
        file="vespa_sink/vespa/index_owner.py",
        text=" and owner != prefix",
        replacement=" and not owner",
        tests=(f"{_UNIT}/vespa/test_index_owner.py::test_d7_prefix_of_another_pipeline_is_found",),
    ),
    Mutant(
        rule="V3",
        without="the memory that a delete leaves",
        file="vespa_sink/vespa/operations.py",
        text='return Operation(Action.DELETE, document, version, "POST", target, body)',
        replacement="return remove_forgotten(document, version, limits)",
        tests=(f"{_UNIT}/vespa/test_operations.py::test_v3_delete_is_a_put_of_the_memory_alone",),
    ),
    Mutant(
        rule="V3",
        without="the clock of writing",
        file="vespa_sink/writes/composer.py",
        text="change.version, now_ms // 1000,",
        replacement="change.version, change.record.timestamp_ms // 1000,",
        tests=(f"{_UNIT}/writes/test_composer.py::test_v3_memory_of_a_delete_expires_by_the_clock_of_writing",),
    ),
    Mutant(
        rule="V3",
        without="the remove after a delete that was ignored",
        file="vespa_sink/vespa/answers.py",
        text="return action is Action.DELETE and decided is Verdict.IGNORED",
        replacement="return False",
        tests=(f"{_UNIT}/vespa/test_answers.py::test_v3_only_an_ignored_delete_is_followed_by_a_remove",),
    ),
    Mutant(
        rule="V7",
        without="the check before the first commit",
        file="vespa_sink/intake/partitions.py",
        text="not self.checked or ",
        replacement="",
        tests=(f"{_PARTITIONS}::test_v7_nothing_is_committed_before_the_position_is_checked",),
    ),
    Mutant(
        rule="V7",
        without="open records in a position's age",
        file="vespa_sink/intake/partitions.py",
        text="return self.last_written_ms if self.tracker.open_count == 0 else 0",
        replacement="return self.last_written_ms",
        tests=(f"{_PARTITIONS}::test_v7_position_with_open_records_is_not_more_current_than_before",),
    ),
    Mutant(
        rule="V7",
        without="a pause in a position's age",
        file="vespa_sink/intake/partitions.py",
        text=" and not self.paused",
        replacement="",
        tests=(f"{_PARTITIONS}::test_v7_paused_partition_is_not_at_its_end",),
    ),
    Mutant(
        rule="P10",
        without="the refresh for an event with other columns",
        file="vespa_sink/documents/plans.py",
        text="if not refreshed and known.columns",
        replacement="if False and known.columns",
        tests=(
            f"{_UNIT}/documents/test_plans.py::test_p10_event_with_other_columns_than_the_entry_waits_for_a_refresh",
        ),
    ),
)
