"""Rules of the sink about what documents lack, each taken out by one edit."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_UNIT = "tests/unit/vespa_sink"
_COMPOSER = f"{_UNIT}/writes/test_composer.py"
_STAND_INS = f"{_UNIT}/test_stand_ins.py"
_COMPARED = "tests/unit/rowferry/reconcile/test_comparison.py"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        rule="P8",
        without="what the event could not carry",
        file="vespa_sink/writes/composer.py",
        text="return {each.column for each in change.event.omitted}",
        replacement="return set()",
        tests=(
            f"{_COMPOSER}::test_p8_column_that_an_event_does_not_carry_is_no_null",
            f"{_COMPOSER}::test_p8_refused_row_goes_with_its_key_alone",
        ),
    ),
    Mutant(
        rule="P8",
        without="the field where nothing is lacking",
        file="vespa_sink/documents/record.py",
        text='"omitted": sorted(legal_text(name)[0] for name in omitted),',
        replacement='**({"omitted": sorted(legal_text(name)[0] for name in omitted)} if omitted else {}),',
        tests=(f"{_COMPOSER}::test_p8_field_is_in_every_document_so_that_an_index_without_it_takes_none",),
    ),
    Mutant(
        rule="P8",
        without="what takes the place of a row that is given up",
        file="vespa_sink/writes/stand_ins.py",
        text="        if extent is not None:",
        replacement="        if False:",
        tests=(
            f"{_STAND_INS}::test_p8_row_that_is_refused_stands_with_its_key_and_says_what_it_lacks",
            f"{_STAND_INS}::test_p8_row_that_is_too_large_stands_without_its_largest_columns",
        ),
    ),
    Mutant(
        rule="P8",
        without="the key alone of a row that is refused",
        file="vespa_sink/writes/stand_ins.py",
        text="return None if attempt.extent is Extent.KEY else Extent.KEY",
        replacement="return None",
        tests=(f"{_STAND_INS}::test_p8_row_that_is_refused_stands_with_its_key_and_says_what_it_lacks",),
    ),
    Mutant(
        rule="P8",
        without="the version before the row's",
        file="vespa_sink/writes/composer.py",
        text="change.version - 1,",
        replacement="change.version,",
        tests=(
            f"{_COMPOSER}::test_p8_stand_in_goes_over_what_is_older_and_lets_the_row_win",
            f"{_STAND_INS}::test_p8_row_that_is_refused_stands_with_its_key_and_says_what_it_lacks",
        ),
    ),
    Mutant(
        rule="P8",
        without="a version that a floor below the row leaves",
        file="vespa_sink/writes/composer.py",
        text="change.version - 1,",
        replacement="1,",
        tests=(f"{_STAND_INS}::test_p8_floor_ends_stand_ins_below_it_and_leaves_those_above",),
    ),
    Mutant(
        rule="P8",
        without="the condition on which a stand-in is written",
        file="vespa_sink/writes/composer.py",
        text="                return Composed(conditional_put(document, change.version, fields",
        replacement="                return Composed(conditional_put(document, 2**62, fields",
        tests=(
            f"{_STAND_INS}::test_p8_stand_in_brings_no_deleted_row_back",
            f"{_COMPOSER}::test_p8_stand_in_goes_over_what_is_older_and_lets_the_row_win",
        ),
    ),
    Mutant(
        rule="P8",
        without="columns left out of a row that is too large",
        file="vespa_sink/documents/record.py",
        text="        yield {name: value for name, value in row.items() if name not in gone}\n",
        replacement="",
        tests=(f"{_COMPOSER}::test_p8_row_too_large_goes_without_its_largest_columns_and_says_so",),
    ),
    Mutant(
        rule="P8",
        without="another try of a stand-in that is refused",
        file="vespa_sink/writes/rejections.py",
        text="            return self._breaker.is_over(attempt.table, refused_at, now)",
        replacement="            return True",
        tests=(f"{_STAND_INS}::test_p8_stand_in_of_a_row_too_large_is_sent_again_while_containers_differ",),
    ),
    Mutant(
        rule="V13",
        without="the difference between rows and stand-ins that are refused",
        file="vespa_sink/writes/rejections.py",
        text="return RefusedAt(now, 0) if attempt.stands_in else self._breaker",
        replacement="return self._breaker",
        tests=(f"{_STAND_INS}::test_p8_refused_stand_ins_pause_no_table",),
    ),
    Mutant(
        rule="V13",
        without="the difference between rows and stand-ins that pass",
        file="vespa_sink/writes/rejections.py",
        text=" and not attempt.stands_in:",
        replacement=":",
        tests=(f"{_STAND_INS}::test_p8_stand_ins_that_pass_say_nothing_of_other_rows",),
    ),
    Mutant(
        rule="P8",
        without="the word for a column that a document says it lacks",
        file="rowferry/reconcile/facts.py",
        text="return [omitted.get(name, name) for name in names]",
        replacement="return list(names)",
        tests=(f"{_COMPARED}::test_p8_columns_that_a_document_says_it_lacks_are_named_so",),
    ),
)
