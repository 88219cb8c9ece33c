"""Rules of the reader's single reads, relations and gap checks, each taken out by one edit; see `tests.mutants`."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_GAP_CHECKS = "tests/unit/cdc_reader/progress/test_gap_checks.py"
_SINGLE_KEYS = "tests/unit/cdc_reader/snapshot/test_single_keys.py"
_TRANSACTIONS = "tests/unit/cdc_reader/stream/test_transactions.py"
_CAPTURED = "tests/unit/cdc_reader/tables/test_captured.py"
_CAPTURES = "tests/unit/cdc_reader/discovery/test_captures.py"
_PUBLISHED = "tests/unit/cdc_reader/discovery/test_published_rows.py"
_NEWER = "tests/unit/cdc_reader/test_newer_servers.py"
_LIVES = "tests/unit/cdc_reader/test_lives.py"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        rule="S7",
        without="the files around a chunk's read, where a repack hides rows",
        file="cdc_reader/snapshot/chunk_reads.py",
        text="if files_read(worker.connection, table, request.leaf) != files:",
        replacement="if False:",
        tests=(f"{_NEWER}::test_chunk_is_void_when_the_table_is_repacked_behind_its_snapshot",),
    ),
    Mutant(
        rule="V2",
        without="the tombstone of a row that a read found gone",
        file="cdc_reader/snapshot/scan_events.py",
        text="            publish_tombstone(self._sink, table.topic, key, version, context.ts_ms)\n",
        replacement="",
        tests=(f"{_SINGLE_KEYS}::test_v2_key_without_a_row_is_a_delete_with_its_tombstone",),
    ),
    Mutant(
        rule="S2",
        without="asking the stream before a key is gone",
        file="cdc_reader/snapshot/window.py",
        text="return (key for key in chunk.absent if key not in self.overtaken)",
        replacement="return iter(chunk.absent)",
        tests=(f"{_SINGLE_KEYS}::test_s2_row_that_came_while_its_key_was_read_is_not_gone",),
    ),
    Mutant(
        rule="S3",
        without="the cut of a chunk of single keys",
        file="cdc_reader/snapshot/chunk_reads.py",
        text="found = {row[0] for row in chunk.rows} if chunk.complete else set(keys)",
        replacement="found = {row[0] for row in chunk.rows}",
        tests=(f"{_SINGLE_KEYS}::test_s3_keys_behind_the_cut_of_a_chunk_are_not_gone",),
    ),
    Mutant(
        rule="S2",
        without="voiding chunks of single keys",
        file="cdc_reader/snapshot/runner.py",
        text="            if scan.table == table:\n                self._on(scan, Message.VOID",
        replacement=(
            "            if scan.table == table and scan.whole_table:\n                self._on(scan, Message.VOID"
        ),
        tests=(f"{_SINGLE_KEYS}::test_s2_scan_of_keys_survives_a_truncate",),
    ),
    Mutant(
        rule="S2",
        without="the bound of keys that are kept",
        file="cdc_reader/snapshot/runner.py",
        text="len(scan.window.overtaken) > _MOST_OVERTAKEN",
        replacement="False",
        tests=(f"{_SINGLE_KEYS}::test_s2_transaction_that_overtakes_too_many_keys_voids_the_chunk",),
    ),
    Mutant(
        rule="D3",
        without="telling leaves from their root",
        file="cdc_reader/tables/captured.py",
        text="self.leaf = relation.oid != table.entry.oid",
        replacement="self.leaf = False",
        tests=(f"{_CAPTURED}::test_d3_leaf_is_bound_to_its_root",),
    ),
    Mutant(
        rule="D1",
        without="comparing definitions for a name of ours",
        file="cdc_reader/tables/captured.py",
        text="return None, TableName(relation.schema, relation.name) in self.by_name",
        replacement="return None, False",
        tests=(f"{_CAPTURED}::test_d1_relation_of_another_oid_is_not_bound_and_has_definitions_compared",),
    ),
    Mutant(
        rule="D1",
        without="comparing definitions for a relation that changed",
        file="cdc_reader/tables/captured.py",
        text="known is not None or not fits",
        replacement="not fits",
        tests=(f"{_CAPTURED}::test_d1_relation_that_comes_again_differs_only_when_it_does",),
    ),
    Mutant(
        rule="D1",
        without="comparing definitions for a stale entry",
        file="cdc_reader/tables/captured.py",
        text="self._encoder_of(plan), explained=False), False",
        replacement="self._encoder_of(plan), explained=False), True",
        tests=(f"{_CAPTURED}::test_d1_relation_that_the_entry_does_not_explain_is_read_as_the_stream_has_it",),
    ),
    Mutant(
        rule="D6",
        without="comparing the key of the stream",
        file="cdc_reader/tables/captured.py",
        text="if entry.key_kinds != table.entry.key_kinds:",
        replacement="if False:",
        tests=(f"{_CAPTURED}::test_d6_stream_with_another_key_is_bound_as_one_without",),
    ),
    Mutant(
        rule="P4",
        without="the switch point of a timeline",
        file="cdc_reader/progress/gap_checks.py",
        text="server.switch_lsn is None or seen > server.switch_lsn",
        replacement="server.switch_lsn is None",
        tests=(f"{_GAP_CHECKS}::test_p4_position_that_the_server_does_not_know_is_a_gap",),
    ),
    Mutant(
        rule="P4",
        without="what reads may have seen",
        file="cdc_reader/progress/gap_checks.py",
        text="max(position.restart_lsn, position.seen_lsn, ",
        replacement="max(position.restart_lsn, ",
        tests=(f"{_GAP_CHECKS}::test_p4_position_that_the_server_does_not_know_is_a_gap",),
    ),
    Mutant(
        rule="D2",
        without="comparing the members of the publication",
        file="cdc_reader/progress/gap_checks.py",
        text="for mark in stored.members.values() if mark not in now)",
        replacement="for mark in stored.members.values() if False)",
        tests=(f"{_GAP_CHECKS}::test_d2_member_that_changed_is_a_gap_of_its_table_alone",),
    ),
    Mutant(
        rule="D5",
        without="leaving out tables whose whole row is the identity, a generated column too",
        file="cdc_reader/discovery/captures.py",
        text="        return _why_refused(relation.unsent_columns)\n",
        replacement="        return None\n",
        tests=(f"{_CAPTURES}::test_d5_unsent_column_in_the_identity_keeps_a_table_out_of_the_publication",),
    ),
    Mutant(
        rule="D5",
        without="leaving out tables with a generated column in the index that is the identity",
        file="cdc_reader/discovery/captures.py",
        text="        return _why_refused([name for name in relation.unsent_columns if name in index.columns])\n",
        replacement="        return None\n",
        tests=(f"{_CAPTURES}::test_d5_unsent_column_in_the_identity_keeps_a_table_out_of_the_publication",),
    ),
    Mutant(
        rule="D5",
        without="asking only for generated columns of the identity",
        file="cdc_reader/discovery/captures.py",
        text="[name for name in relation.unsent_columns if name in index.columns]",
        replacement="relation.unsent_columns",
        tests=(f"{_CAPTURES}::test_d5_unsent_column_beside_the_identity_is_no_hindrance",),
    ),
    Mutant(
        rule="D5",
        without="knowing which generated columns the publication sends",
        file="cdc_reader/discovery/published_rows.py",
        text=' and not (stored_too and column.generated == "s")',
        replacement="",
        tests=(f"{_PUBLISHED}::test_d5_generated_columns_that_are_not_published_are_known",),
    ),
    Mutant(
        rule="D5",
        without="asking whether the server minds generated columns",
        file="cdc_reader/discovery/published_rows.py",
        text="if version < _FIRST_THAT_REFUSES:",
        replacement="if False:",
        tests=(f"{_PUBLISHED}::test_d5_servers_before_18_mind_no_generated_column",),
    ),
)
