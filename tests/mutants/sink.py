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
        text="state = self._partitions.setdefault(item.partition, _Partition())",
        replacement="state = self._partitions.setdefault(None, _Partition())",
        tests=(f"{_ORDER}::test_v4_barrier_of_one_partition_does_not_hold_another",),
    ),
    Mutant(
        rule="V4",
        without="full coverage",
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
        rule="V7",
        without="the check before the first commit",
        file="vespa_sink/intake/partitions.py",
        text="not self.checked or ",
        replacement="",
        tests=(f"{_PARTITIONS}::test_v7_nothing_is_committed_before_the_position_is_checked",),
    ),
)
