"""Rules that the reader's stream keeps, each taken out by one edit; see `tests.mutants`."""

from __future__ import annotations

from tests.mutants import (
    reader_lives,
    reader_origins,
    reader_reads,
    reader_snapshots,
    reader_sweeps,
    reader_topics,
    reader_wal2json,
)
from tests.mutants.mutant import Mutant

_CHANGES = "tests/unit/cdc_reader/stream/test_changes.py"
_TOAST_REFETCH = "tests/unit/cdc_reader/stream/test_toast_refetch.py"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        rule="P9",
        without="the commit's time on records",
        file="cdc_reader/stream/changes.py",
        text="self._ts_ms = begin.commit_ts_us // 1000",
        replacement="self._ts_ms = self._companions.now_us() // 1000",
        tests=(f"{_CHANGES}::test_p9_records_have_the_time_of_their_commit",),
    ),
    Mutant(
        rule="V2",
        without="the tombstone behind a delete",
        file="cdc_reader/stream/changes.py",
        text=(
            "                if tag == _DELETE:\n                    self._tombstone(relation.table, key, version)\n"
        ),
        replacement="",
        tests=(f"{_CHANGES}::test_v2_every_delete_is_followed_by_a_tombstone_with_its_version",),
    ),
    Mutant(
        rule="V2",
        without="the tombstone behind a key that moved",
        file="cdc_reader/stream/changes.py",
        text="        if op == OP_DELETE:\n            self._tombstone(relation.table, key, version)\n",
        replacement="",
        tests=(f"{_CHANGES}::test_v2_every_delete_is_followed_by_a_tombstone_with_its_version",),
    ),
    Mutant(
        rule="V4",
        without="floors in every partition",
        file="cdc_reader/publishing/floors.py",
        text="range(table.entry.partitions)",
        replacement="range(1)",
        tests=(f"{_CHANGES}::test_v4_truncate_goes_into_every_partition",),
    ),
    Mutant(
        rule="D3",
        without="leaves told from their root at a truncate",
        file="cdc_reader/stream/changes.py",
        text="if relation.leaf:",
        replacement="if False:",
        tests=(f"{_CHANGES}::test_d3_truncate_of_a_leaf_is_none_of_its_root",),
    ),
    Mutant(
        rule="P6",
        without="counting changes of tables that are not captured",
        file="cdc_reader/stream/changes.py",
        text=(
            "            transactions.ordinal += 1\n"
            "            if transactions.ordinal <= transactions.skip:\n"
            "                continue\n"
            "            relation = by_wire.get(data[1:5])\n"
            "            if relation is None:\n"
            "                self._unnamed(tag, data[1:5])\n"
            "                continue\n"
        ),
        replacement=(
            "            relation = by_wire.get(data[1:5])\n"
            "            if relation is None:\n"
            "                self._unnamed(tag, data[1:5])\n"
            "                continue\n"
            "            transactions.ordinal += 1\n"
            "            if transactions.ordinal <= transactions.skip:\n"
            "                continue\n"
        ),
        tests=(f"{_CHANGES}::test_p6_ordinal_counts_what_is_not_published_and_nothing_that_depends_on_the_connection",),
    ),
    Mutant(
        rule="P6",
        without="counting messages of other programs",
        file="cdc_reader/stream/changes.py",
        text=(
            "        self._transactions.ordinal += 1\n"
            "        if self._transactions.ordinal <= self._transactions.skip or message"
        ),
        replacement=(
            "        self._transactions.ordinal += message.prefix == self._message_prefix\n"
            "        if self._transactions.ordinal <= self._transactions.skip or message"
        ),
        tests=(f"{_CHANGES}::test_p6_ordinal_counts_what_is_not_published_and_nothing_that_depends_on_the_connection",),
    ),
    Mutant(
        rule="P6",
        without="leaving out messages outside transactions",
        file="cdc_reader/stream/changes.py",
        text="        if not message.transactional:\n            return\n",
        replacement="",
        tests=(f"{_CHANGES}::test_p6_ordinal_counts_what_is_not_published_and_nothing_that_depends_on_the_connection",),
    ),
    Mutant(
        rule="P6",
        without="skipping the changes that are published",
        file="cdc_reader/stream/changes.py",
        text="            if transactions.ordinal <= transactions.skip:\n                continue\n",
        replacement="",
        tests=(f"{_CHANGES}::test_p6_transaction_that_was_cut_goes_on_behind_what_is_published",),
    ),
    Mutant(
        rule="P6",
        without="skipping a truncate that is published",
        file="cdc_reader/stream/changes.py",
        text=(
            "        self._transactions.ordinal += 1\n"
            "        if self._transactions.ordinal <= self._transactions.skip:\n"
            "            return\n"
            "        context = self._context\n"
        ),
        replacement="        self._transactions.ordinal += 1\n        context = self._context\n",
        tests=(f"{_CHANGES}::test_p6_transaction_that_was_cut_goes_on_behind_what_is_published",),
    ),
    Mutant(
        rule="P6",
        without="going on behind the published part",
        file="cdc_reader/stream/transactions.py",
        text="            return resume.ordinal\n",
        replacement="            return 0\n",
        tests=(
            "tests/unit/cdc_reader/stream/test_transactions.py::test_p6_open_transaction_goes_on_behind_what_is_published",
            f"{_CHANGES}::test_p6_transaction_that_was_cut_goes_on_behind_what_is_published",
        ),
    ),
    Mutant(
        rule="P6",
        without="the open transaction in the position",
        file="cdc_reader/stream/transactions.py",
        text=("        return OpenTransaction(self.begin.final_lsn.value, self.begin.xid, done) if done else None"),
        replacement="        return None",
        tests=(f"{_CHANGES}::test_p6_transaction_that_was_cut_goes_on_behind_what_is_published",),
    ),
    Mutant(
        rule="P8",
        without="the bound of one event",
        file="cdc_reader/stream/changes.py",
        text="if rare or len(value) > event_limit:",
        replacement="if rare:",
        tests=(f"{_CHANGES}::test_p8_row_that_does_not_fit_goes_without_its_largest_column",),
    ),
    Mutant(
        rule="P8",
        without="leaving out what cannot be carried",
        file="cdc_reader/transcode/encoder.py",
        text="            except (Uncarriable, Unfit) as reason:",
        replacement="            except ZeroDivisionError as reason:",
        tests=(f"{_CHANGES}::test_p8_value_that_cannot_be_carried_is_left_out_with_its_reason",),
    ),
    Mutant(
        rule="P8",
        without="leaving out a value that is none of its type",
        file="cdc_reader/stream/changes.py",
        text="            except Unfit:\n                key, value, rare",
        replacement="            except ZeroDivisionError:\n                key, value, rare",
        tests=(f"{_CHANGES}::test_p8_value_that_is_none_of_its_type_is_left_out_and_later_ones_arrive",),
    ),
    Mutant(
        rule="D8",
        without="reading a table again for a change that it does not explain",
        file="cdc_reader/stream/changes.py",
        text="        except Unfit:  # what it is about",
        replacement="        except ZeroDivisionError:  # what it is about",
        tests=(f"{_CHANGES}::test_d8_change_that_its_table_does_not_explain_has_that_table_read_again",),
    ),
    Mutant(
        rule="P8",
        without="the stop at a message of another protocol",
        file="cdc_reader/stream/changes.py",
        text='_PASSED_OVER = frozenset(b"OY")',
        replacement='_PASSED_OVER = frozenset(b"OYS")',
        tests=(f"{_CHANGES}::test_p8_message_that_cannot_be_decoded_stops_the_reader",),
    ),
    Mutant(
        rule="V5",
        without="reading unchanged values again",
        file="cdc_reader/stream/changes.py",
        text="        if missing_columns(encoder, columns):\n",
        replacement="        if False:\n",
        tests=(f"{_TOAST_REFETCH}::test_v5_event_without_its_large_value_is_made_whole",),
    ),
    Mutant(
        rule="V5",
        without="a snapshot that sees the event's transaction",
        file="cdc_reader/stream/toast_refetch.py",
        text="begin_seeing(worker, delivered, wait_s)",
        replacement="begin_seeing(worker, set(), wait_s)",
        tests=(f"{_TOAST_REFETCH}::test_v5_row_is_read_in_a_snapshot_that_sees_the_events_transaction",),
    ),
    Mutant(
        rule="V5",
        without="waiting for the transactions of rows read ahead",
        file="cdc_reader/stream/changes.py",
        text='                xids.add(int.from_bytes(data[17:21], "big"))\n',
        replacement="                pass\n",
        tests=(f"{_TOAST_REFETCH}::test_v5_rows_read_ahead_wait_for_their_own_transactions",),
    ),
    Mutant(
        rule="V5",
        without="reading later what could not be had",
        file="cdc_reader/stream/changes.py",
        text="        if row.again:\n            self._companions.listener.row_unread(relation.table, key)\n",
        replacement="",
        tests=(f"{_TOAST_REFETCH}::test_v5_row_that_cannot_be_had_in_time_goes_out_at_once_and_is_read_later",),
    ),
    Mutant(
        rule="V5",
        without="the check before a row counts as gone",
        file="cdc_reader/stream/changes.py",
        text="return fetched, fetched is None and oid not in self._unfetched",
        replacement="return fetched, fetched is None",
        tests=(f"{_TOAST_REFETCH}::test_v5_row_that_cannot_be_had_in_time_goes_out_at_once_and_is_read_later",),
    ),
    Mutant(
        rule="V5",
        without="a durable request for an unread row",
        file="cdc_reader/control_commands.py",
        text="        self._ours.add(command.id)\n        self._states.record(command)\n",
        replacement="        self._ours.add(command.id)\n",
        tests=(f"{_TOAST_REFETCH}::test_v5_row_that_could_not_be_had_is_read_by_the_next_reader",),
    ),
    Mutant(
        rule="V5",
        without="asking for unread rows before the transaction ends",
        file="cdc_reader/session.py",
        text="        self._inbox.ask_ourselves()\n",
        replacement="        pass\n",
        tests=(
            f"{_TOAST_REFETCH}::test_v5_rows_that_could_not_be_had_are_asked_for_together",
            f"{_TOAST_REFETCH}::test_v5_row_that_could_not_be_had_is_read_by_the_next_reader",
        ),
    ),
    Mutant(
        rule="V5",
        without="one wait for a batch",
        file="cdc_reader/stream/changes.py",
        text="            self._unfetched.add(oid)\n",
        replacement="            pass\n",
        tests=(f"{_TOAST_REFETCH}::test_v5_read_that_failed_is_not_repeated_within_the_batch",),
    ),
    Mutant(
        rule="V5",
        without="gone rows told from unread ones",
        file="cdc_reader/stream/changes.py",
        text="return fetched, fetched is None and oid not in self._unfetched",
        replacement="return fetched, False",
        tests=(f"{_TOAST_REFETCH}::test_v5_row_that_is_gone_is_not_asked_for",),
    ),
    Mutant(
        rule="V5",
        without="the cut of a read",
        file="cdc_reader/stream/changes.py",
        text="known = found.rows if found.cut else {key: found.rows.get(key) for key in keys}",
        replacement="known = {key: found.rows.get(key) for key in keys}",
        tests=(f"{_TOAST_REFETCH}::test_v5_row_behind_the_cut_of_a_read_is_not_taken_for_gone",),
    ),
    Mutant(
        rule="V5",
        without="comparing definitions before a read",
        file="cdc_reader/stream/toast_refetch.py",
        text="        if relation.encoder.plan.fingerprint != table.plan.fingerprint:\n",
        replacement="        if False:\n",
        tests=(f"{_TOAST_REFETCH}::test_v5_definition_of_another_time_is_not_read_into_an_event",),
    ),
    Mutant(
        rule="V6",
        without="the wait for the flush of what was read",
        file="cdc_reader/postgres/seen_wal.py",
        text=(
            "    while _flushed(connection) < seen:\n"
            "        if time.monotonic() > deadline:\n"
            "            return None\n"
            "        worker.pause(0.005)\n"
        ),
        replacement="",
        tests=(f"{_TOAST_REFETCH}::test_v6_what_was_read_is_published_when_the_server_cannot_forget_it",),
    ),
    Mutant(
        rule="V6",
        without="the flush of an idle server",
        file="cdc_reader/postgres/seen_wal.py",
        text="        _flush(connection)\n",
        replacement="        pass\n",
        tests=(f"{_TOAST_REFETCH}::test_v6_read_flushes_what_it_may_have_seen",),
    ),
    Mutant(
        rule="V6",
        without="the LSN of reads in the position",
        file="cdc_reader/progress/checkpoint.py",
        text="seen_lsn=max(self._position.seen_lsn, lsn)",
        replacement="seen_lsn=self._position.seen_lsn",
        tests=(f"{_TOAST_REFETCH}::test_v6_position_holds_what_a_read_may_have_seen",),
    ),
    *reader_lives.MUTANTS,
    *reader_origins.MUTANTS,
    *reader_topics.MUTANTS,
    *reader_reads.MUTANTS,
    *reader_snapshots.MUTANTS,
    *reader_sweeps.MUTANTS,
    *reader_wal2json.MUTANTS,
)
