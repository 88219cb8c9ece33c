"""Rules of the reader from one life to the next, each taken out by one edit; see `tests.mutants`."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_GAP_CHECKS = "tests/unit/cdc_reader/progress/test_gap_checks.py"
_TRANSACTIONS = "tests/unit/cdc_reader/stream/test_transactions.py"
_STARTING = "tests/unit/cdc_reader/test_changes_while_starting.py"
_LIVES = "tests/unit/cdc_reader/test_lives.py"
_STATUS_UPDATES = "tests/unit/cdc_reader/postgres/test_status_updates.py"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        rule="P3",
        without="storing before confirming",
        file="cdc_reader/progress/checkpoint.py",
        text=(
            "        seconds = self._kafka.commit(self._position)\n"
            "        self._slot.confirm(self._position.restart_lsn)\n"
        ),
        replacement=(
            "        self._slot.confirm(self._position.restart_lsn)\n"
            "        seconds = self._kafka.commit(self._position)\n"
        ),
        tests=(f"{_LIVES}::test_p3_position_is_stored_before_it_is_confirmed",),
    ),
    Mutant(
        rule="P3",
        without="heartbeats that move an idle slot",
        file="cdc_reader/heartbeat.py",
        text="            emit_message(worker.connection, self._message)\n",
        replacement="            pass\n",
        tests=(f"{_LIVES}::test_p3_idle_slot_moves_by_heartbeats",),
    ),
    Mutant(
        rule="P3",
        without="the server's word where no heartbeat may be written",
        file="cdc_reader/session.py",
        text="            self._checkpoint.idle(self._stream.wal_end)\n",
        replacement="            pass\n",
        tests=(f"{_LIVES}::test_p3_without_messages_the_slot_moves_by_the_servers_word",),
    ),
    Mutant(
        rule="P3",
        without="the wait for what is open before the server's word is taken",
        file="cdc_reader/session.py",
        text="if self._messages.forbidden and self._transactions.settled and",
        replacement="if self._messages.forbidden and",
        tests=(f"{_LIVES}::test_p3_server_is_not_followed_past_what_is_open",),
    ),
    Mutant(
        rule="P3",
        without="an end of following the server where a session is to end",
        file="cdc_reader/session.py",
        text=" and self._transactions.settled and self._restart is None:",
        replacement=" and self._transactions.settled:",
        tests=(f"{_LIVES}::test_p3_server_is_not_followed_past_what_a_session_that_ends_left_unread",),
    ),
    Mutant(
        rule="P4",
        without="no transaction that must come first behind the server's word",
        file="schemas/offsets.py",
        text="return self.last if self.last is not None and self.last.commit_lsn >= self.idle_lsn else None",
        replacement="return self.last",
        tests=(f"{_LIVES}::test_p3_without_messages_the_slot_moves_by_the_servers_word",),
    ),
    Mutant(
        rule="P3",
        without="the slot's place compared with the position",
        file="cdc_reader/progress/gap_checks.py",
        text="if slot.confirmed_lsn > position.restart_lsn:",
        replacement="if False:",
        tests=(
            "tests/unit/cdc_reader/progress/test_gap_checks.py::test_p3_slot_ahead_of_the_position_is_a_gap",
            f"{_LIVES}::test_p3_slot_that_somebody_else_moved_is_a_gap",
        ),
    ),
    Mutant(
        rule="P5",
        without="the slot that belongs to a position",
        file="cdc_reader/progress/start_position.py",
        text="        check_slot(slot_name, slot, stored, database=server.origin.database, plugin=plugin)\n",
        replacement="",
        tests=(f"{_LIVES}::test_p5_slot_that_is_gone_is_not_made_again_for_a_position",),
    ),
    Mutant(
        rule="P7",
        without="the end of a session after a commit that failed",
        file="cdc_reader/publishing/publisher.py",
        text="        self._producer.commit()\n",
        replacement=(
            "        with __import__('contextlib').suppress(Exception):\n            self._producer.commit()\n"
        ),
        tests=(f"{_LIVES}::test_p7_transaction_of_unknown_outcome_is_published_once_and_confirmed_when_stored",),
    ),
    Mutant(
        rule="P7",
        without="versions above the stored one",
        file="cdc_reader/startup.py",
        text=(
            "        known = [self._settings.version_seed]\n"
            "        if stored.position is not None:\n"
            "            known.append(stored.position.version)\n"
        ),
        replacement=(
            "        known = [self._settings.version_seed]\n        if stored.position is not None:\n            pass\n"
        ),
        tests=(f"{_LIVES}::test_p7_version_goes_back_with_the_position_and_forward_with_the_clock",),
    ),
    Mutant(
        rule="P3",
        without="answers that confirm nothing",
        file="cdc_reader/postgres/status_updates.py",
        text="write=wal_end, flush=0",
        replacement="write=wal_end, flush=wal_end",
        tests=(f"{_STATUS_UPDATES}::test_p3_answer_confirms_nothing_and_the_confirmed_position_follows",),
    ),
    Mutant(
        rule="P3",
        without="the confirmed position behind an answer",
        file="cdc_reader/postgres/status_updates.py",
        text="self._told = flush\n",
        replacement="self._told = flush or self._confirmed\n",
        tests=(f"{_STATUS_UPDATES}::test_p3_answer_confirms_nothing_and_the_confirmed_position_follows",),
    ),
    Mutant(
        rule="P3",
        without="a confirmed position that never moves back",
        file="cdc_reader/postgres/status_updates.py",
        text="self._confirmed = max(self._confirmed, lsn)",
        replacement="self._confirmed = lsn",
        tests=(f"{_STATUS_UPDATES}::test_p3_confirmed_position_never_moves_back",),
    ),
    Mutant(
        rule="P4",
        without="skipping the last transaction",
        file="cdc_reader/stream/transactions.py",
        text="            return self.ALL\n",
        replacement="            return 0\n",
        tests=(
            "tests/unit/cdc_reader/stream/test_transactions.py::test_p4_stored_last_transaction_is_skipped_whole",
            f"{_LIVES}::test_p4_last_transaction_comes_again_and_is_skipped",
        ),
    ),
    Mutant(
        rule="P4",
        without="the match of the last transaction",
        file="cdc_reader/stream/transactions.py",
        text="            if got != (expected.commit_lsn, expected.xid, expected.commit_ts_us):\n",
        replacement="            if False:\n",
        tests=(
            f"{_LIVES}::test_p4_server_restored_to_another_past_is_a_gap",
            f"{_TRANSACTIONS}::test_p4_another_past_is_a_gap",
        ),
    ),
    Mutant(
        rule="P4",
        without="the server's place compared with the position",
        file="cdc_reader/progress/start_position.py",
        text="        check_server(stored, server)\n",
        replacement="",
        tests=(
            f"{_LIVES}::test_p4_position_beyond_the_servers_log_is_a_gap",
            f"{_LIVES}::test_p4_server_is_checked_at_every_start_of_the_stream",
        ),
    ),
    Mutant(
        rule="P5",
        without="everything again without a position",
        file="cdc_reader/snapshot/scans.py",
        text='    if progress.incarnation != incarnation:\n        return "the slot began again"\n',
        replacement="",
        tests=(f"{_LIVES}::test_p5_no_position_means_that_everything_is_read_and_swept",),
    ),
    Mutant(
        rule="P5",
        without="comparing topics",
        file="cdc_reader/startup.py",
        text="            self._lost = gap_checks.lost_topics(stored.topics, others | now)\n",
        replacement="            others.clear()\n",
        tests=(f"{_LIVES}::test_p5_topic_that_is_gone_or_empty_has_its_table_read_again",),
    ),
    Mutant(
        rule="P5",
        without="comparing topics before anything is changed",
        file="cdc_reader/startup.py",
        text="            gap_checks.lost_topics(stored.topics, ids)\n",
        replacement="            pass\n",
        tests=(f"{_STARTING}::test_p5_another_kafka_is_refused_before_anything_is_changed",),
    ),
    Mutant(
        rule="P5",
        without="comparing topics by the look whose ids are recorded",
        file="cdc_reader/startup.py",
        text="lost_topics(stored.topics, others | now)",
        replacement="lost_topics(stored.topics, others | ids)",
        tests=(f"{_STARTING}::test_p5_topic_that_goes_while_the_reader_starts_has_its_table_read_again",),
    ),
    Mutant(
        rule="P5",
        without="the ids of topics in the position",
        file="cdc_reader/progress/first_commit.py",
        text="    if ready.topics != stored.topics:\n",
        replacement="    if False:\n",
        tests=(f"{_LIVES}::test_p5_topic_that_is_gone_or_empty_has_its_table_read_again",),
    ),
    Mutant(
        rule="V8",
        without="versions of what was published",
        file="cdc_reader/startup.py",
        text="            known += published_versions(self._settings.kafka, there, self._admin)\n",
        replacement="",
        tests=(f"{_LIVES}::test_v8_lost_position_does_not_let_versions_fall",),
    ),
    Mutant(
        rule="P10",
        without="schemas before the first scan",
        file="cdc_reader/startup.py",
        text="            self._publisher.store_plan(table.plan)\n",
        replacement="            pass\n",
        tests=(f"{_LIVES}::test_p10_schema_is_durable_before_the_first_row_of_a_scan",),
    ),
    Mutant(
        rule="P10",
        without="the wait until a schema is stored",
        file="cdc_reader/publishing/publisher.py",
        text="            self._schemas.flush_or_raise()\n",
        replacement="",
        tests=(f"{_LIVES}::test_p10_schema_is_durable_before_the_first_row_of_a_scan",),
    ),
    Mutant(
        rule="P10",
        without="schemas of what the stream tells",
        file="cdc_reader/session.py",
        text="        self._publisher.store_plan(plan)\n",
        replacement="",
        tests=(f"{_LIVES}::test_p10_schema_of_a_definition_that_the_stream_tells_is_durable_before_its_first_event",),
    ),
    Mutant(
        rule="P2",
        without="the lock before the fence",
        file="cdc_reader/capture.py",
        text="            if not take_lock(stream, settings, self._drain, self._standby):\n",
        replacement="            if False:\n",
        tests=(f"{_LIVES}::test_p2_standby_fences_nobody_while_the_lock_is_held",),
    ),
    Mutant(
        rule="P11",
        without="refusing to be a synchronous standby",
        file="cdc_reader/postgres/server_requirements.py",
        text="    if not matches_synchronous(names, application_name):\n",
        replacement="    if True:\n",
        tests=(f"{_LIVES}::test_p11_reader_is_no_synchronous_standby",),
    ),
    Mutant(
        rule="D2",
        without="comparing the publication at the start",
        file="cdc_reader/startup.py",
        text="            self._left = gap_checks.check_publication(stored.publication, mark, relations)\n",
        replacement="",
        tests=(f"{_LIVES}::test_d2_publication_that_was_recreated_is_a_gap",),
    ),
    Mutant(
        rule="D2",
        without="comparing the publication whose mark is recorded",
        file="cdc_reader/startup.py",
        text="        if self._publish(catalog):\n            catalog = self._catalog(stored)\n",
        replacement="        if self._publish(catalog):\n            catalog = self._read_catalog(stored)\n",
        tests=(
            f"{_STARTING}::test_d2_table_that_leaves_the_publication_for_a_time_while_the_reader_starts_is_read_again",
            f"{_STARTING}::test_d2_publication_that_is_recreated_while_the_reader_starts_is_a_gap",
        ),
    ),
    Mutant(
        rule="D2",
        without="comparing the publication at heartbeats",
        file="cdc_reader/discovery/definition_changes.py",
        text="    if known.publication != now.publication:\n",
        replacement="    if False:\n",
        tests=(f"{_LIVES}::test_d2_publication_that_was_recreated_is_a_gap",),
    ),
    Mutant(
        rule="D7",
        without="comparing entries",
        file="cdc_reader/startup.py",
        text="        gap_checks.check_entries(stored.entries, entries, stored.renamed)\n",
        replacement="",
        tests=(f"{_LIVES}::test_d7_topic_belongs_to_one_source",),
    ),
    Mutant(
        rule="D7",
        without="comparing the source of entries",
        file="cdc_reader/progress/gap_checks.py",
        text="if known.source not in (entry.source, *renamed) and not known.deleted:",
        replacement="if False:",
        tests=(
            f"{_LIVES}::test_d7_topic_belongs_to_one_source",
            f"{_GAP_CHECKS}::test_d7_entry_of_another_source_is_refused_and_one_of_another_name_is_not",
        ),
    ),
    Mutant(
        rule="P13",
        without="letting a server go that shuts down",
        file="cdc_reader/postgres/status_updates.py",
        text="write=wal_end, flush=0",
        replacement="write=self._confirmed, flush=self._confirmed",
        tests=(f"{_STATUS_UPDATES}::test_p13_keepalive_that_asks_is_answered_with_its_end_and_nothing_confirmed",),
    ),
    Mutant(
        rule="P13",
        without="the gap between answers",
        file="cdc_reader/postgres/status_updates.py",
        text="self._answered_at + _MIN_GAP_S",
        replacement="self._answered_at",
        tests=(f"{_STATUS_UPDATES}::test_p13_answers_keep_a_gap_and_the_last_one_is_given",),
    ),
)
