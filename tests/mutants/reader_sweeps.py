"""Rules of the reader's sweeps, each taken out by one edit; see `tests.mutants`."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_SCANS = "tests/unit/cdc_reader/snapshot/test_scans.py"
_SWEEPS = "tests/unit/cdc_reader/snapshot/test_sweeps.py"
_QUERIES = "tests/unit/cdc_reader/postgres/test_row_queries.py"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        rule="S7",
        without="the sweep behind a complete scan",
        file="cdc_reader/snapshot/runner.py",
        text="            self._events.sweep(table, progress.below_version, watermark)\n",
        replacement="",
        tests=(f"{_SWEEPS}::test_s7_sweep_takes_out_what_a_complete_scan_did_not_find",),
    ),
    Mutant(
        rule="S7",
        without="holding a sweep that looks wrong",
        file="cdc_reader/snapshot/scans.py",
        text="held = not forced and sweep_looks_wrong(self.progress.rows, expected=expected)",
        replacement="held = False",
        tests=(
            f"{_SWEEPS}::test_s7_sweep_that_looks_wrong_is_held_until_somebody_insists",
            f"{_SWEEPS}::test_s7_first_scan_is_compared_with_the_planners_estimate",
        ),
    ),
    Mutant(
        rule="S7",
        without="a forced sweep",
        file="cdc_reader/snapshot/scans.py",
        text="held = not forced and sweep_looks_wrong",
        replacement="held = sweep_looks_wrong",
        tests=(f"{_SWEEPS}::test_s7_sweep_that_looks_wrong_is_held_until_somebody_insists",),
    ),
    Mutant(
        rule="S7",
        without="keeping what was expected when a sweep is held",
        file="cdc_reader/snapshot/scans.py",
        text="complete_rows=known if held else self.progress.rows",
        replacement="complete_rows=self.progress.rows",
        tests=(f"{_SCANS}::test_s7_held_sweep_does_not_lower_what_is_expected",),
    ),
    Mutant(
        rule="S7",
        without="the planner's estimate for a first scan",
        file="cdc_reader/snapshot/scans.py",
        text="(row_estimate if known is None else known)",
        replacement="(known or 0)",
        tests=(f"{_SWEEPS}::test_s7_first_scan_is_compared_with_the_planners_estimate",),
    ),
    Mutant(
        rule="S7",
        without="counting deletes",
        file="cdc_reader/tables/captured.py",
        text="        self.deletes += 1\n",
        replacement="        pass\n",
        tests=(f"{_SWEEPS}::test_s7_deletes_that_the_stream_saw_lower_what_is_expected",),
    ),
    Mutant(
        rule="S7",
        without="deletes that lower the number",
        file="cdc_reader/snapshot/runner.py",
        text="        scan.deletes_seen = table.deletes\n",
        replacement="",
        tests=(f"{_SWEEPS}::test_s7_deletes_that_the_stream_saw_lower_what_is_expected",),
    ),
    Mutant(
        rule="S7",
        without="remembering deletes over a restart",
        file="cdc_reader/session.py",
        text="self._recorded.remember_deletes(self._tables.by_name)",
        replacement="pass",
        tests=(f"{_SWEEPS}::test_s7_deletes_that_the_stream_saw_lower_what_is_expected",),
    ),
    Mutant(
        rule="S7",
        without="truncates that make any number right",
        file="cdc_reader/session.py",
        text="        self._recorded.emptied(table.name)\n",
        replacement="",
        tests=(f"{_SWEEPS}::test_s7_truncate_makes_any_number_right",),
    ),
    Mutant(
        rule="S7",
        without="truncates that make any number right for the next reader",
        file="cdc_reader/snapshot/scan_records.py",
        text="            self.record(progress)\n\n    def record",
        replacement="            pass\n\n    def record",
        tests=(f"{_SWEEPS}::test_s7_truncate_makes_any_number_right",),
    ),
    Mutant(
        rule="S7",
        without="reading a table to its end",
        file="cdc_reader/snapshot/chunk_queries.py",
        text="complete = not cut and len(rows) < bounds.max_rows",
        replacement="complete = not cut",
        tests=(f"{_SWEEPS}::test_s7_incomplete_scan_sweeps_nothing",),
    ),
    Mutant(
        rule="S7",
        without="an N of when the marker is received",
        file="cdc_reader/snapshot/runner.py",
        text="below=self._events.boundary(watermark),",
        replacement="below=1,",
        tests=(f"{_SWEEPS}::test_s7_sweep_lies_above_what_was_queued_before_its_marker",),
    ),
    Mutant(
        rule="V1",
        without="floors that only rise",
        file="cdc_reader/publishing/floors.py",
        text="floor = max(self.values.get(name, 0), below)",
        replacement="floor = below",
        tests=(f"{_SWEEPS}::test_v1_sweep_that_began_before_a_truncate_keeps_the_floor_of_the_truncate",),
    ),
    Mutant(
        rule="V1",
        without="floors for the next reader",
        file="cdc_reader/publishing/floors.py",
        text='        self._sink.record(FLOORS_KEY, mapping_to_json("floors", self.values))\n',
        replacement="",
        tests=(f"{_SWEEPS}::test_v1_sweep_that_began_before_a_truncate_keeps_the_floor_of_the_truncate",),
    ),
    Mutant(
        rule="D1",
        without="comparing definitions before a sweep",
        file="cdc_reader/snapshot/runner.py",
        text="elif result.fingerprint != scan.progress.fingerprint:",
        replacement="elif False:",
        tests=(f"{_SWEEPS}::test_d1_definition_is_compared_before_a_sweep",),
    ),
    Mutant(
        rule="D1",
        without="comparing definitions at every heartbeat",
        file="cdc_reader/heartbeat.py",
        text="        self.compare_definitions()\n        return True\n",
        replacement="        return True\n",
        tests=(f"{_SWEEPS}::test_d1_ddl_that_sends_nothing_is_found_by_a_heartbeat",),
    ),
    Mutant(
        rule="D1",
        without="comparing definitions at a relation that differs",
        file="cdc_reader/session.py",
        text="            self._heartbeat.compare_definitions()\n",
        replacement="",
        tests=(f"{_SWEEPS}::test_d1_relation_that_differs_has_definitions_compared_at_once",),
    ),
    Mutant(
        rule="D1",
        without="the definition of a scan that goes on",
        file="cdc_reader/snapshot/scans.py",
        text="    if progress.fingerprint != table.entry.fingerprint:\n",
        replacement="    if False:\n",
        tests=(f"{_SWEEPS}::test_d1_scan_of_another_definition_does_not_go_on",),
    ),
    Mutant(
        rule="D1",
        without="scanning a table of another OID",
        file="cdc_reader/snapshot/scans.py",
        text=(
            "    if progress.oid != table.entry.oid:\n"
            '        return "the table was dropped and recreated"\n'
            "    if progress.fingerprint != table.entry.fingerprint:\n"
            '        return "the table\'s definition changed"\n'
        ),
        replacement="",
        tests=(
            f"{_SWEEPS}::test_d1_table_of_the_same_name_is_another_table",
            f"{_SWEEPS}::test_d1_ddl_that_sends_nothing_is_found_by_a_heartbeat",
        ),
    ),
    Mutant(
        rule="D1",
        without="telling tables by their OID",
        file="cdc_reader/tables/captured.py",
        text="        table = self.by_oid.get(relation.oid)\n",
        replacement=(
            "        table = self.by_oid.get(relation.oid) or self.by_name.get(TableName(relation.schem"
            "a, relation.name))\n"
        ),
        tests=(f"{_SWEEPS}::test_d1_table_of_the_same_name_is_another_table",),
    ),
    Mutant(
        rule="D1",
        without="an N of when the marker of a removed table is received",
        file="cdc_reader/snapshot/removed_tables.py",
        text="        below = self._versions.next(context.ts_ms * 1000)\n",
        replacement="        below = 1\n",
        tests=(f"{_SWEEPS}::test_d1_dropped_table_leaves_the_topic_with_all_that_was_queued",),
    ),
    Mutant(
        rule="D1",
        without="the last sweep of a removed table",
        file="cdc_reader/snapshot/removed_tables.py",
        text="            self._take_out(table, lsn, context)\n",
        replacement="            pass\n",
        tests=(
            f"{_SWEEPS}::test_d1_dropped_table_leaves_the_topic_with_all_that_was_queued",
            f"{_SWEEPS}::test_d1_marker_that_was_lost_is_written_by_the_next_reader",
        ),
    ),
    Mutant(
        rule="S7",
        without="the last sweep's own marker",
        file="cdc_reader/snapshot/removed_tables.py",
        text="        if content != self._marker:\n",
        replacement='        if not content.endswith(":removed"):\n',
        tests=(f"{_SWEEPS}::test_s7_removed_table_is_swept_at_its_own_marker_alone",),
    ),
    Mutant(
        rule="S8",
        without="the operator in ORDER BY",
        file="cdc_reader/postgres/key_order.py",
        text='        return f"{self.value} USING OPERATOR({self.operators.less})"\n',
        replacement="        return self.value\n",
        tests=(
            f"{_QUERIES}::test_s8_first_chunk_begins_at_the_start",
            f"{_QUERIES}::test_s8_next_chunk_begins_behind_the_last_key_by_the_operator_that_orders",
        ),
    ),
    Mutant(
        rule="S8",
        without="the operator that continues",
        file="cdc_reader/postgres/key_order.py",
        text="OPERATOR({last.operators.greater}) ({', '.join(bounds)})",
        replacement="> ({', '.join(bounds)})",
        tests=(f"{_QUERIES}::test_s8_next_chunk_begins_behind_the_last_key_by_the_operator_that_orders",),
    ),
    Mutant(
        rule="S8",
        without="the relation of a key's columns",
        file="cdc_reader/postgres/key_order.py",
        text='        return f"r.{self.name}::',
        replacement='        return f"{self.name}::',
        tests=(f"{_QUERIES}::test_s8_first_chunk_begins_at_the_start",),
    ),
    Mutant(
        rule="S8",
        without="the server's word on the order",
        file="cdc_reader/postgres/row_queries.py",
        text="    if not all(row.endswith(_CONFIRMED) for row in rows):\n        return None\n",
        replacement="",
        tests=(
            f"{_QUERIES}::test_s8_one_row_that_the_server_does_not_confirm_voids_all",
            f"{_SWEEPS}::test_s8_scan_out_of_order_is_void_and_sweeps_nothing",
        ),
    ),
    Mutant(
        rule="S8",
        without="voiding a scan that is out of order",
        file="cdc_reader/snapshot/runner.py",
        text="        if result.out_of_order and scan.progress is not None:\n",
        replacement="        if False and scan.progress is not None:\n",
        tests=(f"{_SWEEPS}::test_s8_scan_out_of_order_is_void_and_sweeps_nothing",),
    ),
    Mutant(
        rule="S8",
        without="the order that a scan was begun by",
        file="cdc_reader/snapshot/scans.py",
        text="    if progress.state == RUNNING and progress.order != table.read.order:\n",
        replacement="    if False:\n",
        tests=(f"{_SCANS}::test_s8_scan_of_a_reader_that_did_not_record_its_order_begins_anew",),
    ),
)
