"""Rules that the reader's scans keep, each taken out by one edit; see `tests.mutants`."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_RUNNER = "tests/unit/cdc_reader/snapshot/test_runner.py"

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
            f"{_RUNNER}::test_s1_what_an_earlier_reader_delivered_is_waited_for",
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
        file="cdc_reader/heartbeat.py",
        text="self._unseen.seen(unseen - snapshot.unseen(unseen))",
        replacement="self._unseen.seen(unseen)",
        tests=(f"{_RUNNER}::test_s1_heartbeat_forgets_only_what_its_snapshot_has_seen",),
    ),
    Mutant(
        rule="S1",
        without="what an earlier reader delivered",
        file="cdc_reader/startup.py",
        text="frozenset(xids_in_sync_rep(self._connection))",
        replacement="frozenset()",
        tests=(f"{_RUNNER}::test_s1_what_an_earlier_reader_delivered_is_waited_for",),
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
        text="copy_rows(connection, request.query, bounds.max_bytes)",
        replacement="copy_rows(connection, request.query)",
        tests=(f"{_RUNNER}::test_s3_chunks_are_bounded_by_bytes",),
    ),
    Mutant(
        rule="S4",
        without="the wait for writers of before",
        file="cdc_reader/snapshot/first_scans.py",
        text="Scan(table.name, cause, size, needs_writers=True)",
        replacement="Scan(table.name, cause, size)",
        tests=(f"{_RUNNER}::test_s4_table_waits_for_its_writers_of_before",),
    ),
    Mutant(
        rule="S4",
        without="waiting for the writers of then alone",
        file="cdc_reader/snapshot/table_writers.py",
        text="        holders &= _writers(worker.connection, oids)\n",
        replacement="        holders = _writers(worker.connection, oids)\n",
        tests=(f"{_RUNNER}::test_s4_writers_that_come_later_are_not_waited_for",),
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
