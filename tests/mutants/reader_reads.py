"""Rules of the reader's single reads, relations and gap checks, each taken out by one edit; see `tests.mutants`."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_GAP_CHECKS = "tests/unit/cdc_reader/progress/test_gap_checks.py"
_SINGLE_KEYS = "tests/unit/cdc_reader/snapshot/test_single_keys.py"
_TRANSACTIONS = "tests/unit/cdc_reader/stream/test_transactions.py"
_CAPTURED = "tests/unit/cdc_reader/tables/test_captured.py"
_LIVES = "tests/unit/cdc_reader/test_lives.py"

MUTANTS: tuple[Mutant, ...] = (
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
        text="differs = known is not None",
        replacement="differs = False",
        tests=(f"{_CAPTURED}::test_d1_relation_that_comes_again_differs_only_when_it_does",),
    ),
    Mutant(
        rule="D1",
        without="comparing definitions for a stale entry",
        file="cdc_reader/tables/captured.py",
        text="            differs = True\n",
        replacement="",
        tests=(f"{_CAPTURED}::test_d1_relation_that_the_entry_does_not_explain_is_read_as_the_stream_has_it",),
    ),
    Mutant(
        rule="D6",
        without="the stop at a stream without the key",
        file="cdc_reader/tables/captured.py",
        text="if missing := set(entry.primary_key) - {column.name for column in columns}:",
        replacement="if missing := set[str]():",
        tests=(f"{_CAPTURED}::test_d6_stream_without_the_key_stops_the_reader",),
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
        text="if mark not in now and int(",
        replacement="if False and int(",
        tests=(f"{_GAP_CHECKS}::test_d2_publication_that_changed_is_a_gap",),
    ),
    Mutant(
        rule="D6",
        without="comparing partition counts",
        file="cdc_reader/progress/gap_checks.py",
        text="if known.partitions != entry.partitions:",
        replacement="if False:",
        tests=(
            f"{_GAP_CHECKS}::test_d6_d7_entry_that_breaks_its_topic_is_refused",
            f"{_LIVES}::test_d6_partition_count_is_for_ever",
        ),
    ),
    Mutant(
        rule="D6",
        without="comparing keys",
        file="cdc_reader/progress/gap_checks.py",
        text="        _check_key(known, entry)\n",
        replacement="",
        tests=(f"{_GAP_CHECKS}::test_d6_d7_entry_that_breaks_its_topic_is_refused",),
    ),
)
