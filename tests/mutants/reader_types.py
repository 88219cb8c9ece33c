"""What keeps values that are printed from their binary form right, each taken out by one edit; see `tests.mutants`."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_PRINTERS = "tests/unit/cdc_reader/transcode/test_printers.py"
_KNOWN = "tests/unit/cdc_reader/transcode/test_known_types.py"
_TYPES = "cdc_reader/transcode/known_types.py"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        rule="P8",
        without="the bound of values within values",
        file=_TYPES,
        text="        except RecursionError as exc:",
        replacement="        except ZeroDivisionError as exc:",
        tests=(f"{_PRINTERS}::test_values_within_values_without_end_do_not_fit",),
    ),
    Mutant(
        rule="P8",
        without="leaving out texts within values that are not UTF-8",
        file="cdc_reader/transcode/kinds.py",
        text="        return text_values.utf8(printer(data))",
        replacement='        return printer(data).decode("utf-8", "replace")',
        tests=(f"{_PRINTERS}::test_p8_text_within_a_value_that_is_not_utf8_is_left_out_like_any_other",),
    ),
    Mutant(
        rule="P8",
        without="comparing what an array says of its elements",
        file="cdc_reader/transcode/printers/containers.py",
        text="    if found != element:\n",
        replacement="    if False:\n",
        tests=(f"{_PRINTERS}::test_what_is_no_value_does_not_fit",),
    ),
    Mutant(
        rule="P8",
        without="what servers print otherwise",
        file=_TYPES,
        text="        return None if too_old or too_new else _PRINTERS[oid]",
        replacement="        return _PRINTERS[oid]",
        tests=(f"{_KNOWN}::test_what_servers_print_otherwise_is_theirs",),
    ),
    Mutant(
        rule="P8",
        without="the texts that are recoded here",
        file=_TYPES,
        text="        if not self._printing:\n",
        replacement="        if False:\n",
        tests=(f"{_KNOWN}::test_nothing_is_printed_where_texts_are_recoded_here",),
    ),
    Mutant(
        rule="P8",
        without="types with a part that is not printed",
        file=_TYPES,
        text="        return None if None in parts else self._of_parts(",
        replacement="        return self._of_parts(",
        tests=(f"{_KNOWN}::test_types_that_cannot_be_printed_need_text",),
    ),
)
