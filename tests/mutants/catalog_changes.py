"""Rules of what is taken from the catalog, in every house, each taken out by one edit; see `tests.mutants`."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_READER = "tests/unit/cdc_reader/test_catalog_changes.py"
_OUTDATED = "tests/unit/cdc_reader/snapshot/test_outdated.py"
_MARKS = "tests/unit/schemas/test_catalog_marks.py"
_PLANS = "tests/unit/vespa_sink/documents/test_plans.py"
_SINK = "tests/unit/vespa_sink/test_catalog_changes.py"
_FETCHER = "tests/unit/file_fetcher/intake/test_file_columns.py"
_TYPES = "tests/unit/cdc_reader/discovery/test_value_types.py"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        rule="D9",
        without="reading again what is under a domain",
        file="cdc_reader/snapshot/outdated.py",
        text="before is not None and _under_domains(before) != _under_domains(entry)",
        replacement="False",
        tests=(f"{_OUTDATED}::test_d9_stored_entry_tells_what_is_to_be_read_again",),
    ),
    Mutant(
        rule="D1",
        without="the end behind the transaction that is open",
        file="cdc_reader/session.py",
        text="ends=lambda: self._restart is not None,",
        replacement="ends=lambda: False,",
        tests=(f"{_READER}::test_d1_changed_definition_is_met_behind_the_transaction_that_is_open",),
    ),
    Mutant(
        rule="D1",
        without="going on with a key that is none any more",
        file="cdc_reader/stream/toast_refetch.py",
        text="except RowferryError:",
        replacement="except OSError:",
        tests=(
            "tests/unit/cdc_reader/stream/test_toast_refetch.py"
            "::test_d1_row_whose_key_holds_a_label_of_then_goes_out_at_once",
        ),
    ),
    Mutant(
        rule="D1",
        without="labels in what a heartbeat compares",
        file="cdc_reader/discovery/definition_changes.py",
        text="replace(entry, row_estimate=0)",
        replacement="replace(entry, row_estimate=0, types=())",
        tests=(
            f"{_READER}::test_d1_renamed_label_has_the_table_read_again_and_swept",
            f"{_READER}::test_d1_added_label_is_known_from_then_on",
        ),
    ),
    Mutant(
        rule="D9",
        without="entries in what a heartbeat compares",
        file="cdc_reader/discovery/definition_changes.py",
        text="return None if _but_told(before) == _but_told(after) else",
        replacement="return None if True else",
        tests=(f"{_READER}::test_d9_foreign_key_has_the_rows_read_again_without_a_sweep",),
    ),
    Mutant(
        rule="D1",
        without="the labels that rows were read under",
        file="cdc_reader/snapshot/outdated.py",
        text="if rewritten(before.types if before else None, entry.types or ()):",
        replacement="if False:",
        tests=(
            f"{_READER}::test_d1_renamed_label_has_the_table_read_again_and_swept",
            f"{_READER}::test_d1_label_that_is_renamed_while_no_reader_runs_is_found_by_the_next",
            f"{_OUTDATED}::test_d9_stored_entry_tells_what_is_to_be_read_again",
        ),
    ),
    Mutant(
        rule="D9",
        without="the edges that rows were read under",
        file="cdc_reader/snapshot/outdated.py",
        text="elif _mark(before, keys.get) != entry.catalog_mark:",
        replacement="elif False:",
        tests=(
            f"{_READER}::test_d9_foreign_key_has_the_rows_read_again_without_a_sweep",
            f"{_READER}::test_d9_edges_that_a_name_implies_come_and_go_with_tables_and_columns",
            f"{_READER}::test_d9_edges_to_a_table_that_is_selected_no_longer_go",
            f"{_OUTDATED}::test_d9_stored_entry_tells_what_is_to_be_read_again",
        ),
    ),
    Mutant(
        rule="D9",
        without="recording what is to be read again with the new entries",
        file="cdc_reader/progress/first_commit.py",
        text="        publisher.record(progress.record_key, progress.to_json())\n",
        replacement="        pass\n",
        tests=(
            f"{_READER}::test_d1_reader_that_is_killed_before_it_reads_again_has_recorded_that_it_must",
            f"{_READER}::test_d9_reader_that_is_killed_before_it_reads_again_has_recorded_that_it_must",
        ),
    ),
    Mutant(
        rule="D1",
        without="labels in the comparison before a sweep",
        file="cdc_reader/discovery/fingerprints.py",
        text="same = (known.fingerprint, known.types) == (now.fingerprint, now.types)",
        replacement="same = known.fingerprint == now.fingerprint",
        tests=(f"{_READER}::test_d1_labels_are_compared_before_a_sweep",),
    ),
    Mutant(
        rule="D9",
        without="reading again without a sweep",
        file="cdc_reader/snapshot/runner.py",
        text="        elif progress.sweeps:\n",
        replacement="        else:\n",
        tests=(
            f"{_READER}::test_d9_foreign_key_has_the_rows_read_again_without_a_sweep",
            f"{_READER}::test_d9_reading_again_goes_on_where_it_was_killed_and_does_not_sweep",
        ),
    ),
    Mutant(
        rule="D9",
        without="recording that nothing is to be swept",
        file="cdc_reader/snapshot/scans.py",
        text="            sweeps=self.sweeps,\n",
        replacement="",
        tests=(f"{_READER}::test_d9_reading_again_goes_on_where_it_was_killed_and_does_not_sweep",),
    ),
    Mutant(
        rule="D9",
        without="the mark of the catalog in the schema",
        file="cdc_reader/tables/encoder_plans.py",
        text='        catalog_mark=entry.catalog_mark or "",\n',
        replacement="",
        tests=(f"{_READER}::test_d9_event_says_of_which_catalog_it_is",),
    ),
    Mutant(
        rule="D9",
        without="the sweep that is owed",
        file="cdc_reader/snapshot/outdated.py",
        text="return OUTDATED if progress.state in (DONE, OUTDATED) or not progress.sweeps else VOID",
        replacement="return OUTDATED",
        tests=(
            f"{_READER}::test_d9_sweep_that_is_owed_stays_owed",
            f"{_OUTDATED}::test_d9_sweep_that_is_owed_stays_owed",
        ),
    ),
    Mutant(
        rule="D9",
        without="beginning anew what was read under another catalog",
        file="cdc_reader/snapshot/outdated.py",
        text="        if progress is None:\n",
        replacement='        if progress is None or progress.state == "running":\n',
        tests=(f"{_READER}::test_d9_reading_again_begins_anew_when_the_edges_change_once_more",),
    ),
    Mutant(
        rule="D9",
        without="the sweep behind another definition",
        file="cdc_reader/startup.py",
        text="outdated |= voided(stored.snapshots, read.causes | self._gaps(tables))",
        replacement="outdated = voided(stored.snapshots, read.causes | self._gaps(tables)) | outdated",
        tests=(f"{_READER}::test_d9_changed_definition_is_swept_though_edges_changed_too",),
    ),
    Mutant(
        rule="D1",
        without="telling added labels from renamed ones",
        file="cdc_reader/discovery/value_types.py",
        text="return bool(now) if known is None else not set(known).issubset(now)",
        replacement="return known != now",
        tests=(
            f"{_TYPES}::test_d1_values_may_be_rewritten_by_all_but_an_added_label",
            f"{_READER}::test_d1_added_label_is_known_from_then_on",
        ),
    ),
    Mutant(
        rule="D1",
        without="looking through types",
        file="cdc_reader/discovery/value_types.py",
        text="        waiting.extend(found.parts)\n",
        replacement="",
        tests=(f"{_TYPES}::test_d1_types_are_looked_through",),
    ),
    Mutant(
        rule="D9",
        without="the key that an edge points to",
        file="schemas/catalog_marks.py",
        text="    key = key_of(target)\n",
        replacement="    key = None\n",
        tests=(
            f"{_MARKS}::test_d9_key_of_the_other_table_changes_the_mark_and_its_name_does_not",
            f"{_MARKS}::test_d9_what_documents_take_from_the_catalog_changes_the_mark",
        ),
    ),
    Mutant(
        rule="D9",
        without="one order of edges",
        file="schemas/catalog_marks.py",
        text="edges = sorted(",
        replacement="edges = list(",
        tests=(f"{_MARKS}::test_d9_order_of_edges_is_none_of_documents",),
    ),
    Mutant(
        rule="D9",
        without="leaving out what documents do not take",
        file="schemas/catalog_marks.py",
        text="for edge in edges_of(entry, key_of))",
        replacement="for edge in entry.relationships)",
        tests=(
            f"{_MARKS}::test_d9_what_is_only_told_of_a_table_keeps_the_mark",
            f"{_READER}::test_d9_edge_that_is_declared_after_it_was_implied_reads_nothing_again",
        ),
    ),
    Mutant(
        rule="D9",
        without="no mark where nothing is taken",
        file="schemas/catalog_marks.py",
        text="    if not edges and not files:\n",
        replacement="    if False:\n",
        tests=(f"{_MARKS}::test_d9_table_without_edges_and_files_has_no_mark",),
    ),
    Mutant(
        rule="D9",
        without="the mark as it was",
        file="schemas/catalog_marks.py",
        text="json.dumps([edges, files])",
        replacement="json.dumps([files, edges])",
        tests=(f"{_MARKS}::test_d9_mark_stays_what_it_is_from_release_to_release",),
    ),
    Mutant(
        rule="D9",
        without="comparing the entry of an event with the one known",
        file="vespa_sink/documents/plans.py",
        text="if not refreshed and not known.explains(event)",
        replacement="if False",
        tests=(f"{_SINK}::test_d9_row_that_is_read_again_is_made_of_the_new_entry_however_late_that_is_seen",),
    ),
    Mutant(
        rule="D9",
        without="comparing the mark of an event",
        file="vespa_sink/documents/plans.py",
        text="if self.catalog_mark != event.schema.catalog_mark:",
        replacement="if False:",
        tests=(f"{_PLANS}::test_d9_entries_of_one_change_that_come_one_by_one_are_waited_for",),
    ),
    Mutant(
        rule="D9",
        without="comparing the schema of an event",
        file="vespa_sink/documents/plans.py",
        text="return self.schema_fingerprint == event.schema.fingerprint",
        replacement="return True",
        tests=(f"{_PLANS}::test_d9_event_by_another_schema_of_the_same_columns_waits_for_a_refresh",),
    ),
    Mutant(
        rule="D9",
        without="going on where the entry is known",
        file="vespa_sink/documents/plans.py",
        text="return self.schema_fingerprint == event.schema.fingerprint",
        replacement="return False",
        tests=(f"{_PLANS}::test_d9_event_of_the_entry_that_is_known_waits_for_nothing",),
    ),
    Mutant(
        rule="D9",
        without="remembering what was compared",
        file="vespa_sink/documents/plans.py",
        text="            known.accepted.add(id(event.kinds))\n",
        replacement="",
        tests=(f"{_SINK}::test_d9_events_of_an_older_entry_cost_one_look_and_not_one_each",),
    ),
    Mutant(
        rule="D9",
        without="comparing the schema of an event (fetcher)",
        file="file_fetcher/intake/file_columns.py",
        text="return entry.schema_fingerprint == fingerprint.hex()",
        replacement="return True",
        tests=(f"{_FETCHER}::test_d9_event_by_another_schema_of_the_same_columns_waits_for_a_refresh",),
    ),
)
