"""Rules of the sink about rows that wait for a field of the index, each taken out by one edit."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_UNIT = "tests/unit/vespa_sink"
_REDRIVES = f"{_UNIT}/test_redrives.py"
_GIVEN_UP = f"{_UNIT}/redriving/test_given_up.py"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        rule="V13",
        without="reading again what was given up for want of a field",
        file="vespa_sink/redriving/redrives.py",
        text="                await self._read_again(lack)",
        replacement="                pass",
        tests=(
            f"{_REDRIVES}::test_v13_rows_are_read_again_once_the_index_has_the_field",
            f"{_REDRIVES}::test_v13_restart_forgets_no_row_that_was_given_up",
        ),
    ),
    Mutant(
        rule="V13",
        without="the difference between a row's fault and the index's",
        file="vespa_sink/writes/rejections.py",
        text="lacks=refused.field if lacking else None",
        replacement="lacks=refused.field",
        tests=(f"{_REDRIVES}::test_v13_row_whose_fields_the_index_has_is_its_own_fault",),
    ),
    Mutant(
        rule="V13",
        without="the look at what was written since",
        file="vespa_sink/redriving/redrives.py",
        text=" if version < row.version]",
        replacement="]",
        tests=(f"{_REDRIVES}::test_v13_row_that_was_written_since_is_not_read_again",),
    ),
    Mutant(
        rule="V13",
        without="patience until the index has the field",
        file="vespa_sink/redriving/redrives.py",
        text="lack.field) is False:",
        replacement="lack.field) is not None:",
        tests=(f"{_REDRIVES}::test_v13_field_that_only_some_rows_have_is_named_with_their_table",),
    ),
    Mutant(
        rule="V13",
        without="leaving rows to whoever has their partition",
        file="vespa_sink/redriving/given_up.py",
        text="for row in self._waiting[lack].rows.values() if self._is_held(row.partition)]",
        replacement="for row in self._waiting[lack].rows.values()]",
        tests=(
            f"{_REDRIVES}::test_v13_whoever_has_the_partition_asks",
            f"{_GIVEN_UP}::test_rows_of_partitions_that_are_anothers_wait_for_it",
        ),
    ),
    Mutant(
        rule="V13",
        without="the whole table, where too many rows wait",
        file="vespa_sink/redriving/given_up.py",
        text="        return any(map(self._is_held, self._waiting[lack].uncounted))",
        replacement="        return False",
        tests=(
            f"{_REDRIVES}::test_v13_table_of_which_too_many_rows_wait_is_read_again_as_a_whole",
            f"{_GIVEN_UP}::test_beyond_the_bound_the_whole_table_waits",
        ),
    ),
)
