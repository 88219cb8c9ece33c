"""What the reader and reset keep from a database that is not the position's, each taken out by one edit."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_WORLDS = "tests/unit/cdc_reader/test_origins.py"
_ORIGINS = "tests/unit/cdc_reader/progress/test_origins.py"
_NAMED = f"{_ORIGINS}::test_p12_position_of_another_is_named_with_both"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        rule="P12",
        without="the comparison before the fence",
        file="cdc_reader/capture.py",
        text="            startup.check_origin()\n",
        replacement="",
        tests=(f"{_WORLDS}::test_p12_reader_of_another_database_or_server_changes_nothing",),
    ),
    Mutant(
        rule="P12",
        without="the comparison behind the fence",
        file="cdc_reader/startup.py",
        text="        check_owner(Owner(position, stored.source), origin)",
        replacement="        ",
        tests=(f"{_WORLDS}::test_p12_position_behind_an_open_transaction_is_compared_once_it_is_read",),
    ),
    Mutant(
        rule="P12",
        without="the server in the comparison",
        file="cdc_reader/progress/origins.py",
        text="server.system_id in (None, of.system_id)",
        replacement="True",
        tests=(_NAMED, f"{_WORLDS}::test_p12_reset_changes_nothing_in_another_database_or_server"),
    ),
    Mutant(
        rule="P12",
        without="the database in the comparison",
        file="cdc_reader/progress/origins.py",
        text="of.database == server.database and ",
        replacement="",
        tests=(_NAMED, f"{_WORLDS}::test_p12_reset_changes_nothing_in_another_database_or_server"),
    ),
    Mutant(
        rule="P12",
        without="refusing a position of nobody",
        file="cdc_reader/progress/origins.py",
        text="if not position.system_id or not position.database:",
        replacement="if False:",
        tests=(_NAMED, f"{_WORLDS}::test_p12_position_that_does_not_say_whose_it_is_is_nobodys"),
    ),
    Mutant(
        rule="P12",
        without="the proof before the publication is changed",
        file="cdc_reader/startup.py",
        text="        server, slot, proved = self._proved(stored)\n",
        replacement=(
            "        self._publish(self._read_catalog(stored))\n        server, slot, proved = self._proved(stored)\n"
        ),
        tests=(f"{_WORLDS}::test_p12_gap_is_found_before_the_publication_is_changed",),
    ),
    Mutant(
        rule="P12",
        without="comparing entries before a slot is made",
        file="cdc_reader/startup.py",
        text="        tables = self._compared(catalog, stored, versions, encoder_of)\n        # All",
        replacement=(
            "        proved = proved or self._first_position(server, slot)\n"
            "        tables = self._compared(catalog, stored, versions, encoder_of)\n        # All"
        ),
        tests=(f"{_WORLDS}::test_p12_start_that_topics_of_another_source_refuse_leaves_no_slot",),
    ),
    Mutant(
        rule="P12",
        without="the comparison in reset",
        file="cdc_reader/reset_plan.py",
        text="        check_owner(stored, server)\n",
        replacement="        pass\n",
        tests=(f"{_WORLDS}::test_p12_reset_changes_nothing_in_another_database_or_server",),
    ),
    Mutant(
        rule="P12",
        without="who holds the lock, in reset",
        file="cdc_reader/reset.py",
        text="    check_not_held(settings.slot, slot_holders(connection, settings.slot))\n    if",
        replacement="    if",
        tests=(f"{_WORLDS}::test_p12_nothing_is_forgotten_while_a_reader_holds_the_lock",),
    ),
    Mutant(
        rule="P12",
        without="the lock around what reset does",
        file="cdc_reader/reset.py",
        text='    if held not in ("t", True):\n',
        replacement="    if False:\n",
        tests=(f"{_WORLDS}::test_p12_reader_that_comes_while_the_plan_is_made_keeps_its_position",),
    ),
    Mutant(
        rule="P12",
        without="asking the server for the position's past, in reset",
        file="cdc_reader/reset_plan.py",
        text="        check_server(position, server)\n",
        replacement="        pass\n",
        tests=(f"{_WORLDS}::test_p12_server_that_has_not_written_the_position_is_another_one_for_reset",),
    ),
    Mutant(
        rule="P12",
        without="a look at whose slot it is, in reset",
        file="cdc_reader/reset_plan.py",
        text="if slot is not None and (slot.plugin not in self.plugins or slot.database != self.server.database):",
        replacement="if False:",
        tests=(f"{_WORLDS}::test_p12_slot_of_somebody_else_is_never_dropped",),
    ),
    Mutant(
        rule="P12",
        without="the position in what doctor checks",
        file="rowferry/doctor/database_checks.py",
        text="if (different := difference(position, server)) is None:",
        replacement="if different := None is None:",
        tests=("tests/unit/rowferry/doctor/test_checks.py::test_p12_position_of_another_database_is_found",),
    ),
    Mutant(
        rule="S7",
        without="the rows of before, behind a move",
        file="cdc_reader/snapshot/first_scans.py",
        text=" or known.incarnation != ready.position.incarnation",
        replacement="",
        tests=(f"{_WORLDS}::test_p12_sweep_of_a_moved_source_is_held_where_most_rows_are_missing",),
    ),
)
