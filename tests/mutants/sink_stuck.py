"""Rules of the sink about what stands still, each taken out by one edit."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_UNIT = "tests/unit/vespa_sink"
_PRESSURE = "tests/unit/cdc_runtime/consuming/test_backpressure.py"
_STUCK = f"{_UNIT}/test_stuck_partitions.py"
_FAILING = f"{_UNIT}/test_failing_documents.py"
_FLOORS = f"{_UNIT}/test_floors.py"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        rule="V14",
        without="the half that what stands still leaves",
        file="cdc_runtime/consuming/backpressure.py",
        text="standing = self._standing.look(records // 2, size // 2)",
        replacement="standing = self._standing.look(records, size)",
        tests=(f"{_PRESSURE}::test_what_stands_still_takes_half_of_all_at_most",),
    ),
    Mutant(
        rule="V14",
        without="the difference between what moves and what stands still",
        file="cdc_runtime/consuming/backpressure.py",
        text='    moves_until: float = float("-inf")',
        replacement='    moves_until: float = float("inf")',
        tests=(f"{_PRESSURE}::test_what_stands_still_takes_half_of_all_at_most",),
    ),
    Mutant(
        rule="V14",
        without="reading partitions of which nothing is open",
        file="cdc_runtime/consuming/backpressure.py",
        text="(shared if each.open.records else beyond)",
        replacement="shared",
        tests=(
            f"{_PRESSURE}::test_partition_of_which_nothing_is_open_is_read_although_all_is_taken",
            f"{_STUCK}::test_v14_document_type_that_is_not_taken_stops_no_other",
            f"{_STUCK}::test_v14_tables_whose_schemas_are_not_known_stop_no_other",
        ),
    ),
    Mutant(
        rule="V14",
        without="an end of reading on",
        file="cdc_runtime/consuming/backpressure.py",
        text="beyond = self._reaches(_BEYOND)",
        replacement="beyond = False",
        tests=(f"{_PRESSURE}::test_nothing_is_read_a_quarter_above_the_bounds",),
    ),
    Mutant(
        rule="V14",
        without="the bound of each partition of the fetcher",
        file="file_fetcher/intake/assignment.py",
        text="wanted = self._backpressure.holds(assigned.topic_partition) or assigned.waits or still",
        replacement="wanted = open_references >= self._max_open_references or assigned.waits or still",
        tests=("tests/unit/file_fetcher/test_stuck_places.py::test_v14_partition_whose_host_hangs_stops_no_other",),
    ),
    Mutant(
        rule="V14",
        without="the bound of files of one kind that wait for a parser",
        file="file_fetcher/fetching/threads.py",
        text="if self._reading[place] < self._most_reading",
        replacement="if True",
        tests=(
            "tests/unit/file_fetcher/fetching/test_threads.py::test_v14_type_whose_files_wait_for_a_parser_stops_no_other",
        ),
    ),
    Mutant(
        rule="V14",
        without="turns of kinds of files",
        file="file_fetcher/parsers/turns.py",
        text="while not self._closed and self._next() != kind:",
        replacement="while not self._closed and self._shares.under_way >= self._workers:",
        tests=(
            "tests/unit/file_fetcher/parsers/test_turns.py::test_v14_kind_that_always_times_out_stops_no_other",
            "tests/unit/file_fetcher/parsers/test_turns.py"
            "::test_v14_kind_that_ended_badly_has_half_of_the_workers_though_nobody_waits",
        ),
    ),
    Mutant(
        rule="V14",
        without="turns of places",
        file="file_fetcher/open_works.py",
        text="self._downloads.submit(partial(self._fetch, work, fetch), place)",
        replacement='self._downloads.submit(partial(self._fetch, work, fetch), "")',
        tests=(
            "tests/unit/file_fetcher/test_stuck_places.py::test_v14_download_is_of_the_place_that_its_file_comes_from",
        ),
    ),
    Mutant(
        rule="V14",
        without="the half of the downloads that what stands still leaves",
        file="file_fetcher/fetching/shares.py",
        text="if self.under_way < room and (alone or sum(standing) < half):",
        replacement="if self.under_way < room:",
        tests=(
            "tests/unit/file_fetcher/fetching/test_shares.py::test_v14_what_stands_still_has_half_of_the_room_together",
            "tests/unit/file_fetcher/fetching/test_shares.py::test_v14_many_that_hang_leave_what_moves_its_part",
        ),
    ),
    Mutant(
        rule="V14",
        without="the turn of a place of which nothing is under way",
        file="file_fetcher/fetching/shares.py",
        text="return self.under_way < room - room // 4 or sum(",
        replacement="return False and sum(",
        tests=(
            "tests/unit/file_fetcher/fetching/test_threads.py::test_v14_host_that_hangs_stops_no_other",
            "tests/unit/file_fetcher/fetching/test_shares.py::test_v14_place_that_held_all_and_hangs_leaves_others_their_turn",
        ),
    ),
    Mutant(
        rule="V14",
        without="the part of its own of what moves",
        file="file_fetcher/fetching/shares.py",
        text="return self.under_way < room or self._moving(now) < max(1, room - half - part)",
        replacement="return self.under_way < room",
        tests=(
            "tests/unit/file_fetcher/fetching/test_shares.py::test_v14_place_that_held_all_and_hangs_leaves_others_their_turn",
        ),
    ),
    Mutant(
        rule="V4",
        without="the end of a floor that gets on no further",
        file="vespa_sink/vespa/searches.py",
        text="return page.over or (bool(self.stuck) and",
        replacement="return page.over or (False and",
        tests=(
            f"{_FLOORS}::test_v4_floor_that_gets_on_no_further_backs_off_says_so_and_ends_with_an_alarm",
            f"{_FLOORS}::test_v4_floor_does_not_wait_once_more_for_what_an_earlier_one_has_ended_with",
        ),
    ),
    Mutant(
        rule="V4",
        without="the patience with what is listed again",
        file="vespa_sink/vespa/searches.py",
        text="(vain.rounds >= _STUCK_ROUNDS and now - vain.since >= _STUCK_S)",
        replacement="True",
        tests=(f"{_FLOORS}::test_v4_rows_that_are_removed_late_are_no_standstill",),
    ),
    Mutant(
        rule="V4",
        without="looking behind a page that is full of what cannot be removed",
        file="vespa_sink/vespa/searches.py",
        text="        self.passed |= ripe",
        replacement="        pass",
        tests=(f"{_FLOORS}::test_v4_page_full_of_documents_that_cannot_be_removed_hides_nothing",),
    ),
    Mutant(
        rule="V15",
        without="the suspicion that a document is to blame itself",
        file="vespa_sink/writes/results.py",
        text="if self._suspects.suspected(attempt, answer):",
        replacement="if False:",
        tests=(
            f"{_FAILING}::test_v15_document_that_fails_each_time_is_named_and_then_given_up",
            f"{_FAILING}::test_v15_failing_document_holds_up_no_floor_no_rebalance_and_no_newer_row",
        ),
    ),
    Mutant(
        rule="V15",
        without="the probe that tells a document from an outage",
        file="vespa_sink/writes/suspects.py",
        text="if await self._ask(document.type, again=not (of_a_part and self._many)) in NOT_NOW:",
        replacement="if False:",
        tests=(f"{_FAILING}::test_v15_outage_is_nobodys_own_trouble",),
    ),
    Mutant(
        rule="V15",
        without="the difference between a few and a part of Vespa",
        file="vespa_sink/writes/suspects.py",
        text="return len(self._lacking) > _FEW",
        replacement="return False",
        tests=(f"{_FAILING}::test_v15_part_of_vespa_that_is_away_is_no_documents_trouble",),
    ),
    Mutant(
        rule="V15",
        without="the probe in the place of a document",
        file="vespa_sink/writes/suspects.py",
        text="attempt.apart = not await",
        replacement="attempt.apart = False and not await",
        tests=(f"{_FAILING}::test_v15_document_where_nothing_is_answered_is_given_up_once_many_pass",),
    ),
    Mutant(
        rule="V15",
        without="the many others that must pass",
        file="vespa_sink/writes/rejections.py",
        text="others = _OTHERS_OF_ALL_PARTS if attempt.apart else 1",
        replacement="others = 1",
        tests=(f"{_FAILING}::test_v15_document_where_nothing_is_answered_is_given_up_once_many_pass",),
    ),
    Mutant(
        rule="V15",
        without="the end of what no document can be written by",
        file="vespa_sink/vespa/probes.py",
        text="        if decided is Verdict.STOP:",
        replacement="        if False:",
        tests=(f"{_FAILING}::test_v15_right_that_is_missing_for_all_ends_the_service",),
    ),
    Mutant(
        rule="V15",
        without="the name of a document that fails",
        file="vespa_sink/writes/rejections.py",
        text="        self._failing.add(attempt)",
        replacement="        pass",
        tests=(
            f"{_FAILING}::test_v15_document_that_fails_each_time_is_named_and_then_given_up",
            f"{_FAILING}::test_v15_document_that_is_written_in_the_end_is_forgotten",
        ),
    ),
)
