"""Rules of the runtime and the contracts, each taken out by one edit; see `tests.mutants`."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_CONSUMING = "tests/unit/cdc_runtime/consuming"
_MISSED = f"{_CONSUMING}/test_missed_deletes.py"
_AGE = f"{_CONSUMING}/test_position_age.py"
_PARTITIONS = f"{_CONSUMING}/test_partitions.py"
_SINK_TOPICS = "tests/unit/vespa_sink/test_topics_made_again.py"

_POSITIONS = "tests/integration/cdc_runtime/test_kafka_positions.py"  # what hides records is a real broker's

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        rule="P1",
        without="an end behind open transactions",
        file="cdc_runtime/kafka/tail.py",
        text='ends = self._admin.end_offsets(topic_partitions, "uncommitted")',
        replacement='ends = self._admin.end_offsets(topic_partitions, "committed")',
        tests=(f"{_POSITIONS}::test_p1_records_behind_another_producers_open_transaction_are_waited_for",),
    ),
    Mutant(
        rule="P1",
        without="a bound of the wait that names the open transaction",
        file="cdc_runtime/kafka/tail.py",
        text="        self._wait_for_open_transactions(ends, deadline)\n",
        replacement="",
        tests=(f"{_POSITIONS}::test_p1_the_wait_for_an_open_transaction_is_bounded",),
    ),
    Mutant(
        rule="V7",
        without="an age that is not known counts as old",
        file="cdc_runtime/consuming/missed_deletes.py",
        text='        return "the age of the committed position is not known: another program committed it"\n',
        replacement="        return None\n",
        tests=(f"{_MISSED}::test_v7_age_that_is_not_known_counts_as_old",),
    ),
    Mutant(
        rule="V7",
        without="an old position counts",
        file="cdc_runtime/consuming/missed_deletes.py",
        text="age_ms <= _CERTAIN_MS or age_ms <= (kept_ms := facts.retention_ms())",
        replacement="(kept_ms := facts.retention_ms())",
        tests=(f"{_MISSED}::test_v7_position_that_is_older_than_tombstones_are_kept_asks",),
    ),
    Mutant(
        rule="V7",
        without="the topic says how long it keeps tombstones",
        file="cdc_runtime/consuming/missed_deletes.py",
        text="(kept_ms := facts.retention_ms())",
        replacement="(kept_ms := TOMBSTONE_RETENTION_MS)",
        tests=(f"{_MISSED}::test_v7_topic_says_how_long_it_keeps_tombstones",),
    ),
    Mutant(
        rule="V7",
        without="an empty index asks nothing",
        file="cdc_runtime/consuming/missed_deletes.py",
        text="reason and facts.holds_rows() and",
        replacement="reason and",
        tests=(f"{_MISSED}::test_v7_empty_index_asks_nothing",),
    ),
    Mutant(
        rule="V7",
        without="only a record that can be read counts",
        file="cdc_runtime/consuming/missed_deletes.py",
        text=" and facts.unread(position.next_offset)",
        replacement="",
        tests=(f"{_MISSED}::test_v7_only_a_record_that_can_be_read_counts",),
    ),
    Mutant(
        rule="V7",
        without="no position asks when rows are held",
        file="cdc_runtime/consuming/missed_deletes.py",
        text="if facts.holds_rows() else None",
        replacement="if False else None",
        tests=(f"{_MISSED}::test_v7_no_position_asks_when_rows_are_held",),
    ),
    Mutant(
        rule="V7",
        without="an age that is not known stays so",
        file="cdc_runtime/consuming/position_age.py",
        text="= committed.as_of_ms or _UNKNOWN",
        replacement="= committed.as_of_ms or now_ms",
        tests=(f"{_AGE}::test_v7_age_that_is_not_known_stays_so_until_something_is_read",),
    ),
    Mutant(
        rule="V7",
        without="open records keep a position from being current",
        file="cdc_runtime/consuming/position_age.py",
        text="if idle and end_offset is not None",
        replacement="if end_offset is not None",
        tests=(f"{_AGE}::test_v7_position_is_as_current_as_now_only_at_its_end",),
    ),
    Mutant(
        rule="V7",
        without="the refresh of an idle position",
        file="cdc_runtime/consuming/position_age.py",
        text="return moved or self._as_of_ms - self._committed_as_of_ms >= REFRESH_AFTER_MS",
        replacement="return moved",
        tests=(f"{_AGE}::test_v7_position_of_an_idle_partition_is_committed_again_each_hour",),
    ),
    Mutant(
        rule="V7",
        without="the check while a partition is assigned",
        file="cdc_runtime/consuming/position_age.py",
        text="return now_ms - self._checked_ms >= CHECK_AFTER_MS",
        replacement="return self._checked_ms == 0",
        tests=(f"{_AGE}::test_v7_partition_is_checked_again_each_hour_while_it_is_assigned",),
    ),
    Mutant(
        rule="V7",
        without="the memory of what was asked for",
        file="cdc_runtime/consuming/position_age.py",
        text="max(self._as_of_ms, self._asked_ms) or None",
        replacement="self._as_of_ms or None",
        tests=(f"{_AGE}::test_v7_what_was_asked_for_is_not_asked_for_each_hour",),
    ),
    Mutant(
        rule="V7",
        without="a partition that waits is not at its end",
        file="cdc_runtime/consuming/partitions.py",
        text="None if self.paused or self.waits else end_offset",
        replacement="end_offset",
        tests=(f"{_PARTITIONS}::test_v7_partition_that_waits_is_not_at_its_end",),
    ),
    Mutant(
        rule="V7",
        without="the check before the first commit",
        file="cdc_runtime/consuming/partitions.py",
        text="if not self.ready or next_offset is None:",
        replacement="if next_offset is None:",
        tests=(f"{_PARTITIONS}::test_v7_nothing_is_committed_before_the_position_was_checked",),
    ),
    Mutant(
        rule="P10",
        without="a record that blocks stands before what came after it",
        file="cdc_runtime/consuming/partitions.py",
        text="self.backlog.appendleft(record)",
        replacement="self.backlog.append(record)",
        tests=(f"{_PARTITIONS}::test_p10_record_that_blocks_stands_before_what_came_after_it",),
    ),
    Mutant(
        rule="V2",
        without="the version in a tombstone's header",
        file="cdc_runtime/consuming/row_changes.py",
        text="return RowDelete(record, version, key)",
        replacement="return RowDelete(record, 0, key)",
        tests=(f"{_CONSUMING}/test_row_changes.py::test_v2_tombstone_deletes_with_the_version_of_its_header",),
    ),
    Mutant(
        rule="V7",
        without="a week for tombstones",
        file="schemas/topics.py",
        text='        "delete.retention.ms": str(TOMBSTONE_RETENTION_MS),\n',
        replacement="",
        tests=("tests/unit/schemas/test_names.py::test_v7_p9_topics_are_made_with_explicit_settings",),
    ),
    Mutant(
        rule="P9",
        without="timestamps of any age",
        file="schemas/topics.py",
        text="{**spec.config, **_ANY_TIMESTAMP}",
        replacement="spec.config",
        tests=("tests/unit/schemas/test_names.py::test_v7_p9_topics_are_made_with_explicit_settings",),
    ),
    Mutant(
        rule="P9",
        without="short segments of positions",
        file="schemas/topics.py",
        text='        delete_retention_ms="60000",\n',
        replacement="",
        tests=("tests/unit/schemas/test_names.py::test_v7_p9_topics_are_made_with_explicit_settings",),
    ),
    Mutant(
        rule="V7",
        without="the time that tombstones are kept",
        file="cdc_runtime/consuming/missed_deletes.py",
        text=" or age_ms <= (kept_ms := facts.retention_ms())",
        replacement=" or not (kept_ms := facts.retention_ms())",
        tests=(f"{_MISSED}::test_v7_position_that_is_as_old_as_tombstones_are_kept_does_not",),
    ),
    Mutant(
        rule="V7",
        without="the hour that costs no question",
        file="cdc_runtime/consuming/missed_deletes.py",
        text="age_ms <= _CERTAIN_MS or ",
        replacement="",
        tests=(f"{_MISSED}::test_v7_young_position_costs_no_question",),
    ),
    Mutant(
        rule="V7",
        without="a look at open records",
        file="cdc_runtime/consuming/partitions.py",
        text="idle=self.tracker.open_count == 0",
        replacement="idle=True",
        tests=(f"{_PARTITIONS}::test_v7_position_with_open_records_is_not_more_current_than_before",),
    ),
    Mutant(
        rule="V7",
        without="commits that only make an age current",
        file="cdc_runtime/consuming/partitions.py",
        text="if self[topic_partition].age.due(position.next_offset, position.results_id)",
        replacement="if self[topic_partition].age._committed_offset != position.next_offset",
        tests=(f"{_PARTITIONS}::test_v7_position_that_has_not_moved_is_due_when_its_age_is_stale",),
    ),
    Mutant(
        rule="V11",
        without="a look at the topic's id",
        file="cdc_runtime/consuming/topic_lives.py",
        text="if known_id is not None and known_id != topic_id:",
        replacement="if False:",
        tests=(
            f"{_CONSUMING}/test_topic_lives.py::test_v11_position_of_another_topic_or_behind_the_end_begins_anew",
            f"{_SINK_TOPICS}::test_v11_topic_that_is_made_again_under_a_sink_is_read_from_its_start",
            f"{_SINK_TOPICS}::test_v11_topic_that_was_made_again_before_the_start_is_read_from_its_start",
            "tests/unit/file_fetcher/test_state_reads.py"
            "::test_v11_partition_whose_log_is_another_one_begins_anew_at_its_first_offset",
        ),
    ),
    Mutant(
        rule="V11",
        without="the position of when a log was asked for",
        file="cdc_runtime/consuming/partition_watch.py",
        text="log.end_offset, next_offset)",
        replacement="log.end_offset, partition.tracker.next_to_read)",
        tests=(f"{_CONSUMING}/test_partition_watch.py::test_v11_what_is_read_while_the_log_is_asked_for_is_not_lost",),
    ),
    Mutant(
        rule="V11",
        without="a look at the log's end",
        file="cdc_runtime/consuming/topic_lives.py",
        text="if next_offset > end_offset:",
        replacement="if False:",
        tests=(
            f"{_CONSUMING}/test_topic_lives.py::test_v11_position_of_another_topic_or_behind_the_end_begins_anew",
            f"{_SINK_TOPICS}::test_v11_log_that_ends_before_the_position_is_read_from_its_start",
        ),
    ),
    Mutant(
        rule="V11",
        without="a table that is asked for when its topic was made again",
        file="cdc_runtime/consuming/position_check.py",
        text="        if anew is not None:\n",
        replacement="        if False:\n",
        tests=(f"{_SINK_TOPICS}::test_v11_topic_that_is_made_again_under_a_sink_is_read_from_its_start",),
    ),
    Mutant(
        rule="V11",
        without="the topic's id beside the position",
        file="cdc_runtime/consuming/partitions.py",
        text="CommittedPosition(next_offset, self.age.as_of_ms, self.topic_id)",
        replacement="CommittedPosition(next_offset, self.age.as_of_ms)",
        tests=(f"{_SINK_TOPICS}::test_v11_topic_that_was_made_again_before_the_start_is_read_from_its_start",),
    ),
    Mutant(
        rule="V11",
        without="doubt of offsets that run back",
        file="cdc_runtime/consuming/partitions.py",
        text="        if record.offset <= self._delivered:\n",
        replacement="        if False:\n",
        tests=(f"{_PARTITIONS}::test_v11_offsets_that_run_back_wait_for_a_look_at_the_log",),
    ),
    Mutant(
        rule="V12",
        without="a partition of which nothing comes begins again",
        file="vespa_sink/intake/partition_watch.py",
        text="                self.silent.append(assigned)\n",
        replacement="",
        tests=(
            "tests/unit/vespa_sink/test_standstills.py"
            "::test_v12_partition_of_which_the_client_hands_nothing_out_is_begun_again",
        ),
    ),
    Mutant(
        rule="V12",
        without="the reason of a standstill",
        file="cdc_runtime/consuming/partition_watch.py",
        text="        elif stands_still(partition, log.end_offset, now_s):",
        replacement="        elif False:",
        tests=(
            "tests/unit/vespa_sink/test_standstills.py"
            "::test_v12_partition_that_cannot_move_says_why_within_a_minute_and_now_and_then",
        ),
    ),
    Mutant(
        rule="V12",
        without="leaving the group where nothing is held",
        file="cdc_runtime/kafka/consumer.py",
        text="                self._consumer.unsubscribe()\n",
        replacement="                pass\n",
        tests=(
            "tests/unit/cdc_runtime/kafka/test_consumer.py"
            "::test_v12_member_leaves_the_group_whether_or_not_it_holds_something",
        ),
    ),
    Mutant(
        rule="V12",
        without="the end of a pause when a partition is assigned",
        file="cdc_runtime/kafka/consumer.py",
        text="        self.resume(given)\n",
        replacement="",
        tests=(
            "tests/unit/cdc_runtime/kafka/test_consumer.py"
            "::test_v12_partition_that_is_assigned_is_not_paused_whatever_it_was_before",
            "tests/integration/cdc_runtime/test_kafka_consumer.py"
            "::test_v12_a_partition_that_was_paused_and_comes_back_is_read",
        ),
    ),
    Mutant(
        rule="P7",
        without="telling a fence from other fatal errors",
        file="cdc_runtime/kafka/client.py",
        text="if error.code() == KafkaError._FATAL and self._fatal is not None:",
        replacement="if False:",
        tests=("tests/unit/cdc_runtime/kafka/test_errors.py::test_p7_fatal_error_is_the_one_that_was_reported",),
    ),
    Mutant(
        rule="D8",
        without="leaving a topic that may not be read to itself",
        file="cdc_runtime/kafka/consumer.py",
        text="        if isinstance(problem, TopicDenied) and",
        replacement="        if False and",
        tests=(
            "tests/unit/cdc_runtime/kafka/test_consumer.py"
            "::test_d8_topic_of_a_table_that_may_not_be_read_is_told_and_one_of_all_tables_ends",
        ),
    ),
    Mutant(
        rule="D8",
        without="ending where a topic of all tables may not be read",
        file="cdc_runtime/kafka/consumer.py",
        text=' and Topics(self._settings.prefix).parse_table(topic or "") is not None:',
        replacement=":",
        tests=(
            "tests/unit/cdc_runtime/kafka/test_consumer.py"
            "::test_d8_topic_of_a_table_that_may_not_be_read_is_told_and_one_of_all_tables_ends",
        ),
    ),
)
