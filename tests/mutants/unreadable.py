"""Rule P14: a record that cannot be read is one record; each part of it taken out by one edit."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_SCHEMAS = "tests/unit/schemas"
_RECORDS = f"{_SCHEMAS}/test_records.py"
_RESULTS = f"{_SCHEMAS}/test_file_results.py::test_record_that_is_no_result_is_an_error"
_DIRECTORY = "tests/unit/cdc_runtime/kafka/test_directory.py"
_READER = "tests/unit/cdc_reader/test_fuzzed_records.py"
_FETCHER = "tests/unit/file_fetcher/test_fuzzed_records.py"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        rule="P14",
        without="the difference between one record and another number",
        file="file_fetcher/references/placements.py",
        text="if self._misplaced < max(_LEAST, self._read * _SHARE):",
        replacement="if not self._misplaced:",
        tests=(
            "tests/unit/file_fetcher/references/test_placements.py::test_p14_state_that_lies_elsewhere_is_one_rows_trouble",
        ),
    ),
    Mutant(
        rule="F2",
        without="the end where partitions were added",
        file="file_fetcher/references/placements.py",
        text="return next((each for each in chain(fewer, more) if self._differences % each == 0), None)",
        replacement="return None",
        tests=(
            "tests/unit/file_fetcher/references/test_placements.py"
            "::test_f2_partitions_that_were_added_are_told_with_the_number_of_before",
        ),
    ),
    Mutant(
        rule="F2",
        without="the number that is kept with what is remembered",
        file="file_fetcher/startup.py",
        text="        if known < used:",
        replacement="        if False:",
        tests=(
            "tests/unit/file_fetcher/test_startup_folder.py"
            "::test_f2_number_that_is_set_counts_and_is_kept_with_what_is_remembered",
        ),
    ),
    Mutant(
        rule="P14",
        without="the types of values",
        file="schemas/json_records.py",
        text="    if type(raw) is kind:\n        return raw",
        replacement="    if True:\n        return raw",
        tests=(f"{_SCHEMAS}/test_fuzzed_records.py::test_p14_whatever_a_record_holds_it_is_read_or_refused",),
    ),
    Mutant(
        rule="P14",
        without="the bounds of numbers",
        file="schemas/json_records.py",
        text="if type(raw) is int and _LEAST <= raw <= _MOST:",
        replacement="if isinstance(raw, (int, float)):",
        tests=(_RESULTS,),
    ),
    Mutant(
        rule="P14",
        without="telling a newer format apart",
        file="schemas/json_records.py",
        text="if type(found) is int and found > format_:",
        replacement="if False:",
        tests=(f"{_RECORDS}::test_p14_newer_release_may_add_fields_and_a_newer_format_is_told_apart",),
    ),
    Mutant(
        rule="P14",
        without="the length of a version in a header",
        file="schemas/tombstones.py",
        text="len(header) > _MOST_DIGITS or int(header) > _MOST",
        replacement="int(header) < 0",
        tests=(f"{_RECORDS}::test_p14_version_of_a_tombstone_fits_into_a_long",),
    ),
    Mutant(
        rule="P14",
        without="passing over what cannot be read",
        file="cdc_runtime/kafka/directory.py",
        text="            except RecordError as exc:",
        replacement="            except ZeroDivisionError as exc:",
        tests=(
            f"{_DIRECTORY}::test_p14_entry_that_cannot_be_read_has_its_table_alone_wait",
            f"{_DIRECTORY}::test_p14_schema_that_cannot_be_read_is_not_known_and_takes_the_place_of_none",
        ),
    ),
    Mutant(
        rule="P14",
        without="the wait of a table whose entry cannot be read",
        file="cdc_runtime/kafka/directory.py",
        text="        self._keep(key, None)\n        UNREADABLE",
        replacement="        UNREADABLE",
        tests=(f"{_DIRECTORY}::test_p14_entry_that_cannot_be_read_has_its_table_alone_wait",),
    ),
    Mutant(
        rule="P14",
        without="the key of a schema",
        file="schemas/wire.py",
        text="if fingerprint(schema) != key or not is_whole(schema):",
        replacement="if False:",
        tests=(f"{_DIRECTORY}::test_p14_schema_that_cannot_be_read_is_not_known_and_takes_the_place_of_none",),
    ),
    Mutant(
        rule="P14",
        without="reading a table again whose entry is lost",
        file="cdc_reader/progress/stored.py",
        text='        stored.snapshots.pop((record.key or b"").decode("utf-8", "replace"), None)\n',
        replacement="",
        tests=(f"{_READER}::test_p14_entry_that_cannot_be_read_has_its_table_read_again_and_swept",),
    ),
    Mutant(
        rule="P14",
        without="scans that begin again behind lost floors",
        file="cdc_reader/progress/stored.py",
        text="    if floors is not None:",
        replacement="    if False:",
        tests=(f"{_READER}::test_p14_scan_under_way_begins_again_where_the_floors_cannot_be_read",),
    ),
    Mutant(
        rule="P14",
        without="the remedy of a position that cannot be read",
        file="cdc_reader/progress/stored.py",
        text="            _without(record, exc)",
        replacement="            raise",
        tests=(f"{_READER}::test_p14_position_that_cannot_be_read_ends_the_start_with_a_remedy_that_helps",),
    ),
    Mutant(
        rule="P14",
        without="the bound of a version that is gone on from",
        file="cdc_reader/progress/stored.py",
        text="    if version > _MOST_VERSION:",
        replacement="    if False:",
        tests=(f"{_READER}::test_p14_record_that_is_no_event_does_not_keep_a_reader_from_its_versions",),
    ),
    Mutant(
        rule="P14",
        without="passing over what cannot be read of the fetcher's memory",
        file="file_fetcher/references/rebuild.py",
        text="                except RecordError as exc:",
        replacement="                except ZeroDivisionError as exc:",
        tests=(f"{_FETCHER}::test_p14_memory_that_is_none_stops_no_row",),
    ),
    Mutant(
        rule="P14",
        without="the end of a retry that cannot be read",
        file="file_fetcher/retries_due.py",
        text="        self._store.apply([NoLongerWaits(retry.file_id, retry.row_version, retry.attempt)])",
        replacement="        pass",
        tests=(
            "tests/unit/file_fetcher/test_fetcher_troubles.py::test_p14_retry_that_can_never_be_read_counts_as_lost",
        ),
    ),
    Mutant(
        rule="P14",
        without="passing over what cannot be read where it is counted",
        file="rowferry/status/held_files.py",
        text="                except RecordError as exc:",
        replacement="                except ZeroDivisionError as exc:",
        tests=(
            "tests/unit/rowferry/status/test_held_files.py"
            "::test_p14_record_that_cannot_be_read_is_passed_over_and_the_others_are_counted",
        ),
    ),
    Mutant(
        rule="D8",
        without="looking at the tables beside one that cannot be looked at",
        file="rowferry/discover/sampling.py",
        text="        self.look_at(tables[half:])\n",
        replacement="",
        tests=(
            "tests/unit/rowferry/discover/test_sampling.py::test_d8_table_that_cannot_be_looked_at_keeps_no_other_from_it",
        ),
    ),
)
