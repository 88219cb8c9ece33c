"""Rules that the translation of wal2json keeps, each taken out by one edit; see `tests.mutants`."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_TRANSLATOR = "tests/unit/cdc_reader/wal2json/test_translator.py"
_TOAST_REFETCH = "tests/unit/cdc_reader/stream/test_toast_refetch.py"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        rule="V5",
        without="reading ahead for inserts whose values cannot be told",
        file="cdc_reader/stream/changes.py",
        text="elif data[0] in _WITH_NEW_ROW and",
        replacement="elif data[0] == _UPDATE and",
        tests=(f"{_TOAST_REFETCH}::test_v5_inserts_whose_values_cannot_be_told_are_made_whole_in_one_read",),
    ),
    Mutant(
        rule="V5",
        without="an old row that is its key alone where a null of it may be NaN",
        file="cdc_reader/wal2json/translator.py",
        text="            elif type_oid in self._unclear:\n                whole = False\n",
        replacement="",
        tests=(f"{_TRANSLATOR}::test_v5_old_row_is_whole_where_nothing_in_it_is_unclear",),
    ),
    Mutant(
        rule="V5",
        without="an old row that does not fill in what may be NaN now",
        file="cdc_reader/wal2json/translator.py",
        text="told=UNCHANGED not in fields",
        replacement="told=True",
        tests=(f"{_TRANSLATOR}::test_v5_old_row_is_whole_where_nothing_in_it_is_unclear",),
    ),
    Mutant(
        rule="D4",
        without="a key that may be NaN and names no row",
        file="cdc_reader/wal2json/translator.py",
        text="UNCHANGED if type_oid in unclear and at not in key else NULL",
        replacement="UNCHANGED if type_oid in unclear else NULL",
        tests=(f"{_TRANSLATOR}::test_d4_key_that_may_be_no_number_is_none",),
    ),
    Mutant(
        rule="D4",
        without="tables that a change under a name of a moment may be of",
        file="cdc_reader/wal2json/translator.py",
        text='if named in self._strange and action != b"T" else []',
        replacement="if False else []",
        tests=(f"{_TRANSLATOR}::test_d4_change_under_a_name_of_a_moment_has_each_table_read_again_that_it_may_be_of",),
    ),
    Mutant(
        rule="P6",
        without="counting changes of tables that are not captured, of wal2json",
        file="cdc_reader/wal2json/translator.py",
        text="            return [*doubted, _of_nobody(action)]\n",
        replacement="            return doubted\n",
        tests=(f"{_TRANSLATOR}::test_p6_changes_of_other_tables_are_counted",),
    ),
    Mutant(
        rule="D2",
        without="the name in the mark of what wal2json sends",
        file="cdc_reader/discovery/by_name.py",
        text="PublicationMember(relation.oid, _name_mark(relation), relation.oid, relation.name)",
        replacement='PublicationMember(relation.oid, "0", relation.oid, relation.name)',
        tests=("tests/unit/cdc_reader/discovery/test_by_name.py::test_d2_partition_with_another_name_is_a_gap",),
    ),
)
