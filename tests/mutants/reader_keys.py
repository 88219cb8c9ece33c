"""Rules of keys that come, go or change, each taken out by one edit; see `tests.mutants`."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_KEYS = "tests/unit/cdc_reader/test_changed_keys.py"
_PLANNED = "tests/unit/cdc_reader/tables/test_planned.py"
_CHANGES = "cdc_reader/discovery/key_changes.py"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        rule="D6",
        without="setting tables of another key aside",
        file="cdc_reader/startup.py",
        text="            fitting = with_set_aside(catalog, bound, partitions)\n",
        replacement="            fitting = catalog\n",
        tests=(
            f"{_KEYS}::test_d6_table_whose_key_changed_leaves_alone_and_keeps_its_rows",
            f"{_KEYS}::test_d6_partition_count_is_for_ever",
        ),
    ),
    Mutant(
        rule="D6",
        without="setting tables of another key aside at heartbeats",
        file="cdc_reader/discovery/definition_changes.py",
        text="        catalog = self._judged(catalog)\n",
        replacement="",
        tests=(f"{_KEYS}::test_d6_table_whose_key_changed_leaves_alone_and_keeps_its_rows",),
    ),
    Mutant(
        rule="D6",
        without="comparing partition counts",
        file=_CHANGES,
        text="    if partitions not in (None, known.partitions):\n",
        replacement="    if False:\n",
        tests=(f"{_KEYS}::test_d6_partition_count_is_for_ever",),
    ),
    Mutant(
        rule="D6",
        without="the numbers of columns",
        file=_CHANGES,
        text="    return relation.oid == known.oid and known.key_numbers == key_numbers(relation)\n",
        replacement="    return False\n",
        tests=(f"{_KEYS}::test_d6_renamed_key_is_no_change_of_key",),
    ),
    Mutant(
        rule="D6",
        without="the names of columns",
        file=_CHANGES,
        text="    return relation.oid == known.oid and known.key_numbers == key_numbers(relation)\n",
        replacement="    return True\n",
        tests=(f"{_KEYS}::test_d6_other_column_of_the_old_name_is_another_key",),
    ),
    Mutant(
        rule="D6",
        without="what an entry of before bound",
        file=_CHANGES,
        text="if entry.binds or (not entry.deleted and entry.primary_key and entry.topic in topics)",
        replacement="if entry.binds",
        tests=(f"{_KEYS}::test_d6_entry_of_a_reader_that_kept_less_binds_by_its_topic",),
    ),
    Mutant(
        rule="D8",
        without="the freedom of what was never captured",
        file=_CHANGES,
        text="if entry.binds or (not entry.deleted and entry.primary_key and entry.topic in topics)",
        replacement="if not entry.deleted",
        tests=(f"{_KEYS}::test_d8_key_of_a_table_that_was_never_captured_binds_nothing",),
    ),
    Mutant(
        rule="D6",
        without="the key of the rows in the entry of a table that left",
        file="cdc_reader/tables/planned.py",
        text="        left=_left(catalog, bound),\n",
        replacement="",
        tests=(
            f"{_KEYS}::test_d6_table_whose_key_changed_leaves_alone_and_keeps_its_rows",
            f"{_KEYS}::test_d9_edges_to_a_table_that_is_set_aside_follow_the_key_of_its_rows",
        ),
    ),
    Mutant(
        rule="D9",
        without="edges by the key of the rows that are there",
        file="cdc_reader/discovery/entries.py",
        text="left.get(entry.name, entry).primary_key for entry in entries",
        replacement="entry.primary_key for entry in entries",
        tests=(f"{_KEYS}::test_d9_edges_to_a_table_that_is_set_aside_follow_the_key_of_its_rows",),
    ),
    Mutant(
        rule="D1",
        without="taking out what was set aside before",
        file="cdc_reader/tables/planned.py",
        text="for entry in gone if str(entry.name) in swept]",
        replacement="for entry in gone if entry.capture.mode == REPLICATION]",
        tests=(
            f"{_KEYS}::test_d6_table_that_is_set_aside_and_dropped_leaves_the_topics",
            f"{_PLANNED}::test_d1_table_that_is_gone_is_removed_once_and_only_when_it_was_ours",
        ),
    ),
)
