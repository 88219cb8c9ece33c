"""Whose topics they are, each rule of it taken out by one edit."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_WORLDS = "tests/unit/cdc_reader/test_topics_of_others.py"
_REFUSING = "tests/unit/cdc_reader/test_refusing_topics.py"
_STARTING = "tests/unit/cdc_reader/test_changes_while_starting.py"
_FORGOTTEN = f"{_WORLDS}::test_d7_topics_of_another_database_are_left_where_their_position_is_forgotten"
_RENAMED = f"{_WORLDS}::test_d7_source_that_was_renamed_goes_on_and_takes_its_topics_along"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        rule="D7",
        without="the record of the source",
        file="cdc_reader/progress/origins.py",
        text="if stored.position is None and (found :=",
        replacement="if False and (found :=",
        tests=(_FORGOTTEN,),
    ),
    Mutant(
        rule="D7",
        without="the record in a start of an installation from before",
        file="cdc_reader/progress/first_commit.py",
        text="if source != stored.source:",
        replacement="if stored.position is None:",
        tests=(f"{_WORLDS}::test_d7_source_is_recorded_by_the_first_start_and_by_an_upgrade",),
    ),
    Mutant(
        rule="D7",
        without="the record that a reset writes where only the position said it",
        file="cdc_reader/reset_plan.py",
        text="if self.moved or self.position is not None or self.source is not None:",
        replacement="if self.moved:",
        tests=(_FORGOTTEN,),
    ),
    Mutant(
        rule="D7",
        without="another record when the source was moved",
        file="cdc_reader/reset_plan.py",
        text="if self.moved or self.position is not None or self.source is not None:",
        replacement="if not self.moved:",
        tests=(f"{_WORLDS}::test_d7_topics_change_hands_when_it_is_said",),
    ),
    Mutant(
        rule="D7",
        without="the database of entries, where nothing else is left",
        file="cdc_reader/startup.py",
        text="        if position is None and stored.source is None:\n",
        replacement="        if False:\n",
        tests=(f"{_WORLDS}::test_d7_lost_offsets_leave_the_name_of_the_database",),
    ),
    Mutant(
        rule="D7",
        without="the names that a source had",
        file="cdc_reader/progress/renamed_source.py",
        text="if is_same_source(read_owner(settings.kafka, name, admin), source)]",
        replacement="if name is None]",
        tests=(_RENAMED,),
    ),
    Mutant(
        rule="D7",
        without="the slot among what makes a source the same",
        file="cdc_reader/progress/origins.py",
        text="    return source == SourceMark(position.system_id, position.database, position.slot)\n",
        replacement="    return source == SourceMark(position.system_id, position.database, source.slot)\n",
        tests=(f"{_WORLDS}::test_d7_reader_of_the_same_database_by_another_slot_is_another",),
    ),
    Mutant(
        rule="D7",
        without="the fence for readers under the old name",
        file="cdc_reader/progress/renamed_source.py",
        text="        _fence(settings, name)\n",
        replacement="",
        tests=(f"{_WORLDS}::test_d7_reader_of_a_source_that_was_renamed_commits_nothing_any_more",),
    ),
    Mutant(
        rule="D7",
        without="tables that went while the source was renamed",
        file="cdc_reader/tables/planned.py",
        text="if each.source in ours and",
        replacement="if each.source == topics.source and",
        tests=(_RENAMED,),
    ),
    Mutant(
        rule="D7",
        without="passing over what was replaced in `_offsets`",
        file="cdc_reader/progress/stored.py",
        text="{record.key: record for record in records}.values()",
        replacement="records",
        tests=(f"{_WORLDS}::test_d7_record_of_another_format_stops_reader_and_reset",),
    ),
    Mutant(
        rule="D8",
        without="asking for the name of a topic that takes no records",
        file="cdc_reader/capture.py",
        text="        self._names_topics = table is None\n",
        replacement="",
        tests=(f"{_REFUSING}::test_d8_topic_that_takes_no_records_sets_its_table_aside_alone",),
    ),
    Mutant(
        rule="D8",
        without="remembering how long a table was set aside that is tried again",
        file="cdc_reader/tables/troubles.py",
        text="                self._tried[table] = trouble\n",
        replacement="                pass\n",
        tests=(f"{_REFUSING}::test_d8_topic_that_goes_on_to_take_no_records_is_tried_after_growing_pauses",),
    ),
    Mutant(
        rule="D8",
        without="leaving a removed table alone whose topic takes no records",
        file="cdc_reader/startup.py",
        text=" if table.name not in waiting])",
        replacement="])",
        tests=(f"{_REFUSING}::test_d8_removed_table_whose_topic_takes_no_records_stops_nothing",),
    ),
    Mutant(
        rule="D8",
        without="asking whether we may write",
        file="cdc_reader/startup.py",
        text="self._admin.denied(topics)",
        replacement="dict[str, RowferryError]()",
        tests=(f"{_REFUSING}::test_d8_topic_that_we_may_not_write_to_any_more_sets_its_table_aside_alone",),
    ),
    Mutant(
        rule="D8",
        without="the ids of topics that we may not look at",
        file="cdc_reader/startup.py",
        text="        ids = known | self._admin",
        replacement="        ids = self._admin",
        tests=(f"{_REFUSING}::test_d8_all_topics_that_we_may_not_look_at_are_no_other_kafka",),
    ),
    Mutant(
        rule="D6",
        without="looking at topics while the reader runs",
        file="cdc_reader/session.py",
        text="self._watch.difference or ",
        replacement="",
        tests=(f"{_REFUSING}::test_d6_partitions_that_are_added_while_the_reader_runs_set_the_table_aside",),
    ),
    Mutant(
        rule="D6",
        without="looking for the partitions that the start compared",
        file="cdc_reader/tables/topic_watch.py",
        text="            if now.get(topic) != self._lives.get(topic):\n",
        replacement="            if now[topic][0] != self._lives[topic][0]:\n",
        tests=(f"{_STARTING}::test_d6_topic_that_comes_back_with_other_partitions_while_the_reader_starts_is_met",),
    ),
)
