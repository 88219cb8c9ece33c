"""Rules that the reader's scans keep, each taken out by one edit; see `tests.mutants`."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_RUNNER = "tests/unit/cdc_reader/snapshot/test_runner.py"
_RESTARTS = "tests/unit/cdc_reader/snapshot/test_restarts.py"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        rule="S1",
        without="the wait for what was delivered",
        file="cdc_reader/postgres/visible_reads.py",
        text="    waiting = set(delivered)\n",
        replacement="    waiting: set[int] = set()\n",
        tests=(
            f"{_RUNNER}::test_s1_chunk_waits_until_all_that_the_stream_delivered_is_visible",
            f"{_RUNNER}::test_s1_chunk_that_cannot_see_what_was_delivered_is_read_again_later",
            f"{_RUNNER}::test_s1_later_chunks_wait_for_what_came_meanwhile",
            f"{_RUNNER}::test_s1_heartbeat_forgets_only_what_its_snapshot_has_seen",
            f"{_RESTARTS}::test_s1_what_an_earlier_session_delivered_is_waited_for",
        ),
    ),
    Mutant(
        rule="S1",
        without="remembering what was delivered",
        file="cdc_reader/stream/transactions.py",
        text="        self._unseen.add(begin.xid)\n",
        replacement="",
        tests=(f"{_RUNNER}::test_s1_chunk_waits_until_all_that_the_stream_delivered_is_visible",),
    ),
    Mutant(
        rule="S1",
        without="giving up a chunk that cannot see enough",
        file="cdc_reader/postgres/visible_reads.py",
        text='            raise TransientError(\n                f"{len(waiting)} transactions',
        replacement=(
            "            return connection\n"
            "            raise TransientError(\n"
            '                f"{len(waiting)} transactions'
        ),
        tests=(f"{_RUNNER}::test_s1_chunk_that_cannot_see_what_was_delivered_is_read_again_later",),
    ),
    Mutant(
        rule="S1",
        without="forgetting only what a snapshot saw",
        file="cdc_reader/progress/unseen_transactions.py",
        text="            self._xids = snapshot.unseen(waiting)\n",
        replacement="            waiting.clear()\n",
        tests=(f"{_RUNNER}::test_s1_heartbeat_forgets_only_what_its_snapshot_has_seen",),
    ),
    Mutant(
        rule="S1",
        without="what an earlier reader delivered",
        file="cdc_reader/startup.py",
        text="return UnseenTransactions(snapshot, waiting)",
        replacement="return UnseenTransactions(snapshot)",
        tests=(
            f"{_RESTARTS}::test_s1_what_an_earlier_session_delivered_is_waited_for",
            f"{_RESTARTS}::test_s1_range_of_what_an_earlier_session_delivered_is_waited_for",
            f"{_RESTARTS}::test_s1_greatest_xid_of_all_is_waited_for_too",
            f"{_RESTARTS}::test_s1_position_of_an_older_reader_waits_for_all_that_runs",
            f"{_RESTARTS}::test_s1_what_a_slot_without_a_position_does_not_send_is_waited_for",
        ),
    ),
    Mutant(
        rule="S1",
        without="a position that carries what no snapshot saw",
        file="cdc_reader/progress/checkpoint.py",
        text="            unseen=self._reached.unseen(),\n",
        replacement="",
        tests=(
            f"{_RESTARTS}::test_s1_what_an_earlier_session_delivered_is_waited_for",
            f"{_RESTARTS}::test_s1_range_of_what_an_earlier_session_delivered_is_waited_for",
        ),
    ),
    Mutant(
        rule="S1",
        without="the range of a position",
        file="cdc_reader/progress/unseen_transactions.py",
        text="if xid in stored.xids or first <= xid <= last)",
        replacement="if xid in stored.xids)",
        tests=(
            f"{_RESTARTS}::test_s1_range_of_what_an_earlier_session_delivered_is_waited_for",
            "tests/unit/cdc_reader/progress/test_unseen_transactions.py"
            "::test_s1_new_session_waits_for_what_an_earlier_one_may_have_delivered",
        ),
    ),
    Mutant(
        rule="S1",
        without="all that runs for a position that does not know",
        file="cdc_reader/progress/unseen_transactions.py",
        text="        return snapshot.running\n",
        replacement="        return frozenset()\n",
        tests=(
            f"{_RESTARTS}::test_s1_position_of_an_older_reader_waits_for_all_that_runs",
            f"{_RESTARTS}::test_s1_what_a_slot_without_a_position_does_not_send_is_waited_for",
        ),
    ),
    Mutant(
        rule="S1",
        without="a snapshot behind all that was delivered",
        file="cdc_reader/postgres/visible_reads.py",
        text='        connection.execute("SELECT pg_catalog.pg_current_xact_id()")\n',
        replacement="",
        tests=(f"{_RESTARTS}::test_s1_greatest_xid_of_all_is_waited_for_too",),
    ),
    Mutant(
        rule="S1",
        without="the xids of the moment for each chunk",
        file="cdc_reader/snapshot/scan_work.py",
        text="attempt, delivered = scan.attempt, self._unseen.current()",
        replacement="attempt, delivered = scan.attempt, frozenset[int]()",
        tests=(f"{_RUNNER}::test_s1_later_chunks_wait_for_what_came_meanwhile",),
    ),
    Mutant(
        rule="S2",
        without="keys that a plain change overtakes",
        file="cdc_reader/stream/changes.py",
        text=(
            "                if relation.windows:\n                    relation.overtake(key)\n                if tag"
        ),
        replacement="                if tag",
        tests=(f"{_RUNNER}::test_s2_row_that_the_stream_wrote_while_its_chunk_was_read_wins",),
    ),
    Mutant(
        rule="S2",
        without="keys that a rare change overtakes",
        file="cdc_reader/stream/changes.py",
        text="        if relation.windows:\n            relation.overtake(key)\n        if op ==",
        replacement="        if op ==",
        tests=(f"{_RUNNER}::test_s2_row_that_the_stream_wrote_while_its_chunk_was_read_wins",),
    ),
    Mutant(
        rule="S2",
        without="leaving out overtaken rows",
        file="cdc_reader/snapshot/window.py",
        text="return (row for row in chunk.rows if row[0] not in self.overtaken)",
        replacement="return iter(chunk.rows)",
        tests=(f"{_RUNNER}::test_s2_row_that_the_stream_wrote_while_its_chunk_was_read_wins",),
    ),
    Mutant(
        rule="S2",
        without="voiding the chunk of an emptied table",
        file="cdc_reader/session.py",
        text='        self._runner.void(table.name, "the table was truncated")\n',
        replacement="",
        tests=(f"{_RUNNER}::test_s2_truncate_voids_the_open_chunk",),
    ),
    Mutant(
        rule="S2",
        without="voiding the chunk of another definition",
        file="cdc_reader/session.py",
        text=(
            "            if bound is not None:\n"
            '                self._runner.void(bound.table.name, "another definition came")\n'
        ),
        replacement="",
        tests=(f"{_RUNNER}::test_s2_definition_that_differs_voids_the_open_chunk",),
    ),
    Mutant(
        rule="S3",
        without="ignoring attempts that are not known",
        file="cdc_reader/snapshot/runner.py",
        text="if message is not None and attempt and scan.attempt == attempt:",
        replacement="if message is not None:",
        tests=(
            f"{_RUNNER}::test_s3_watermark_of_an_unknown_attempt_opens_no_window",
            f"{_RUNNER}::test_s2_rewind_voids_the_open_chunk_and_its_watermarks",
        ),
    ),
    Mutant(
        rule="S3",
        without="the time limit of a watermark",
        file="cdc_reader/snapshot/runner.py",
        text="                self._write_again(scan)\n",
        replacement="                pass\n",
        tests=(f"{_RUNNER}::test_s3_watermark_that_does_not_come_is_written_again",),
    ),
    Mutant(
        rule="S3",
        without="the bound of a chunk in bytes",
        file="cdc_reader/snapshot/chunk_queries.py",
        text="copy_rows(connection, request.query, bounds.max_bytes, ",
        replacement="copy_rows(connection, request.query, ",
        tests=(f"{_RUNNER}::test_s3_chunks_are_bounded_by_bytes",),
    ),
    Mutant(
        rule="S4",
        without="the wait for writers of before",
        file="cdc_reader/snapshot/first_scans.py",
        text="needs_writers = not again or bool(_unread(ready, table))",
        replacement="needs_writers = False",
        tests=(f"{_RUNNER}::test_s4_table_waits_for_its_writers_of_before",),
    ),
    Mutant(
        rule="S4",
        without="waiting for the writers of then alone",
        file="cdc_reader/snapshot/table_writers.py",
        text=" if each in before}\n",
        replacement="}\n",
        tests=(f"{_RUNNER}::test_s4_writers_that_come_later_are_not_waited_for",),
    ),
    Mutant(
        rule="D8",
        without="room for others beside scans that wait",
        file="cdc_reader/snapshot/runner.py",
        text="        return sum(not scan.idle for scan in self._open) < self._settings.parallel\n",
        replacement="        return len(self._open) < self._settings.parallel\n",
        tests=(f"{_RUNNER}::test_d8_tables_that_wait_for_writers_keep_no_other_from_being_read",),
    ),
    Mutant(
        rule="D8",
        without="keeping one table's error to its scan",
        file="cdc_reader/snapshot/scan_work.py",
        text="        self._side.submit(task, self._unseen.seen, failed, alone=True)\n",
        replacement="        self._side.submit(task, self._unseen.seen, failed)\n",
        tests=(f"{_RUNNER}::test_d8_table_that_cannot_be_read_is_tried_again_while_the_others_are_read",),
    ),
    Mutant(
        rule="S4",
        without="taking over the wait of a scan that is replaced",
        file="cdc_reader/snapshot/runner.py",
        text="                scan.needs_writers = scan.needs_writers or other.needs_writers\n",
        replacement="",
        tests=(f"{_RUNNER}::test_s4_scan_that_replaces_another_waits_for_the_same_writers",),
    ),
    Mutant(
        rule="S5",
        without="the row filter of chunks",
        file="cdc_reader/postgres/row_queries.py",
        text='conditions = [f"({self.filter})"] if self.filter else []',
        replacement="conditions: list[str] = []",
        tests=(f"{_RUNNER}::test_s5_row_filter_of_the_publication_holds_for_reads",),
    ),
    Mutant(
        rule="S5",
        without="the row filter of single keys",
        file="cdc_reader/postgres/row_queries.py",
        text='filtered = f"({self.filter}) AND " if self.filter else ""',
        replacement='filtered = ""',
        tests=(f"{_RUNNER}::test_s5_row_filter_of_the_publication_holds_for_reads",),
    ),
    Mutant(
        rule="S6",
        without="going on behind the last chunk",
        file="cdc_reader/snapshot/scans.py",
        text="return progress is not None and progress.state == RUNNING and",
        replacement="return progress is not None and progress.state == HELD and",
        tests=(f"{_RUNNER}::test_s6_scan_goes_on_behind_its_last_chunk",),
    ),
    Mutant(
        rule="S6",
        without="telling the lives of the slot",
        file="cdc_reader/snapshot/scans.py",
        text='    if progress.incarnation != incarnation:\n        return "the slot began again"\n',
        replacement="",
        tests=(f"{_RUNNER}::test_s6_chunks_of_another_life_of_the_slot_do_not_count",),
    ),
)
