"""Rules of polls, each taken out by one edit; see `tests.mutants`."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_UNIT = "tests/unit/cdc_reader/polling"
_SERVERS = "tests/integration/cdc_reader/test_polling.py"
_POLLER = f"{_UNIT}/test_poller.py"
_HISTORY = f"{_POLLER}::test_l1_whatever_happens_between_two_steps_the_topic_ends_as_the_table"
_L2 = f"{_SERVERS}::test_l2_polled_tables_live_through_moves_kills_and_mistakes"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        rule="L1",
        without="the horizon below which every transaction has ended",
        file="cdc_reader/polling/plans.py",
        text="horizon=moment.horizon if table.has_xmin else None,",
        replacement="horizon=moment.next_xid if table.has_xmin else None,",
        tests=(f"{_UNIT}/test_plans.py::test_l1_mark_of_changes_keeps_when_the_table_was_read_whole", _L2),
    ),
    Mutant(
        rule="L1",
        without="reading all rows of a server that was started again",
        file="cdc_reader/polling/plans.py",
        text="moment.timeline, moment.started_at):",
        replacement="moment.timeline, mark.started_at):",
        tests=(f"{_UNIT}/test_plans.py::test_l1_all_rows_are_compared_where_changes_cannot_be_told",),
    ),
    Mutant(
        rule="L1",
        without="reading all rows when the clock was set back",
        file="cdc_reader/polling/plans.py",
        text="if moment.clock_us < mark.read_at_us:",
        replacement="if False:",
        tests=(f"{_UNIT}/test_plans.py::test_l1_all_rows_are_compared_where_changes_cannot_be_told",),
    ),
    Mutant(
        rule="L1",
        without="reading all rows when transaction ids have wrapped around",
        file="cdc_reader/polling/plans.py",
        text="if moment.next_xid - mark.horizon >= _HALF:",
        replacement="if False:",
        tests=(f"{_UNIT}/test_plans.py::test_l1_all_rows_are_compared_where_changes_cannot_be_told",),
    ),
    Mutant(
        rule="L1",
        without="the keys behind rows that changed",
        file="cdc_reader/polling/table_poll.py",
        text="if self.step is Step.ROWS and self.plan.kind is Kind.CHANGED:",
        replacement="if False:",
        tests=(f"{_UNIT}/test_table_poll.py::test_l1_changes_are_followed_by_every_key",),
    ),
    Mutant(
        rule="L1",
        without="taking a tombstone out of the list",
        file="cdc_reader/polling/known_rows.py",
        text="                if record.value is None:\n",
        replacement="                if False:\n",
        tests=(f"{_UNIT}/test_known_rows.py::test_l1_a_tombstone_and_a_sweep_take_rows_out",),
    ),
    Mutant(
        rule="L1",
        without="one poll of a table at once",
        file="cdc_reader/polling/schedule.py",
        text="if not turn.running and turn.due <= now]",
        replacement="if turn.due <= now]",
        tests=(f"{_UNIT}/test_schedule.py::test_l1_one_poll_of_a_table_at_once_and_as_many_as_may_run",),
    ),
    Mutant(
        rule="S7",
        without="holding deletes that look wrong",
        file="cdc_reader/polling/table_poll.py",
        text="return not self.forced and missing > FEW_ROWS and missing * 2 > self.known",
        replacement="return False",
        tests=(
            f"{_UNIT}/test_table_poll.py::test_s7_more_than_half_of_many_rows_look_wrong",
            f"{_POLLER}::test_s7_deletes_that_look_wrong_wait_for_an_operator",
        ),
    ),
    Mutant(
        rule="L2",
        without="the sweep behind a first poll",
        file="cdc_reader/polling/poller.py",
        text="        self._events.sweep(poll.table.table, poll.below,",
        replacement='        str.format("", poll.table.table, poll.below,',
        tests=(f"{_POLLER}::test_l2_what_was_published_before_the_first_poll_is_swept", _HISTORY),
    ),
    Mutant(
        rule="L1",
        without="beginning behind the commit of the poll before",
        file="cdc_reader/polling/poller.py",
        text="            if name not in self._uncommitted:\n",
        replacement="            if True:\n",
        tests=(f"{_POLLER}::test_l1_a_poll_begins_behind_the_commit_of_the_one_before",),
    ),
    Mutant(
        rule="L1",
        without="deletes of keys that are gone",
        file="cdc_reader/polling/poller.py",
        text="        if read.gone:\n            self._publishing(poll.table)\n",
        replacement="        if False:\n            self._publishing(poll.table)\n",
        tests=(f"{_POLLER}::test_l1_first_poll_reads_all_then_changes_and_keys", _HISTORY),
    ),
    Mutant(
        rule="L1",
        without="one thing at a time of a table",
        file="cdc_reader/polling/poller.py",
        text="if waiting and not self._schedule.busy(name) and",
        replacement="if waiting and",
        tests=(f"{_POLLER}::test_l1_rows_asked_for_by_their_keys_wait_for_the_poll_that_is_under_way",),
    ),
    Mutant(
        rule="L2",
        without="a boundary of its own for a first poll in another life of the slot",
        file="cdc_reader/polling/plans.py",
        text="    if mark.incarnation != life.incarnation:\n",
        replacement="    if False:\n",
        tests=(f"{_POLLER}::test_l2_what_was_published_before_the_first_poll_is_swept",),
    ),
    Mutant(
        rule="S7",
        without="cutting the list at what was published alone",
        file="cdc_reader/polling/poller.py",
        text="swept = self._events.swept_below(table.table)",
        replacement="swept = self._marks[name].below_version if name in self._marks else 0",
        tests=(
            f"{_POLLER}::test_s7_a_first_poll_that_is_held_is_held_until_the_rows_are_back",
            f"{_POLLER}::test_s7_a_first_poll_that_was_cut_off_knows_how_many_rows_there_should_be",
        ),
    ),
    Mutant(
        rule="L1",
        without="asking again for what is missing",
        file="cdc_reader/polling/poller.py",
        text="            self._ask_for(poll, keys)\n\n",
        replacement="            self._on_asked(poll, keys, RowsRead((), 0, 0, None, True, 0, keys))\n\n",
        tests=(f"{_POLLER}::test_l1_what_is_missing_for_a_moment_is_asked_for_again",),
    ),
    Mutant(
        rule="S5",
        without="setting a polled table aside of which the publication keeps something back",
        file="cdc_reader/discovery/forbidden_tables.py",
        text="found = why_unpolled(table, role) or _limited(table, catalog.publication)",
        replacement="found = why_unpolled(table, role)",
        tests=(
            "tests/unit/cdc_reader/discovery/test_forbidden_tables.py"
            "::test_s5_polled_table_whose_publication_keeps_something_back_is_set_aside",
        ),
    ),
)
