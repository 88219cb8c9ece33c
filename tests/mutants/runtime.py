"""Rules of the runtime and the contracts, each taken out by one edit; see `tests.mutants`."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_CONSUMING = "tests/unit/cdc_runtime/consuming"
_MISSED = f"{_CONSUMING}/test_missed_deletes.py"
_AGE = f"{_CONSUMING}/test_position_age.py"
_PARTITIONS = f"{_CONSUMING}/test_partitions.py"

MUTANTS: tuple[Mutant, ...] = (
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
        text="if self.ready and next_offset is not None",
        replacement="if next_offset is not None",
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
)
