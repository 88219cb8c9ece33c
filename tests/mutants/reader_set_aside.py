"""Rules of tables that are set aside, each taken out by one edit; see `tests.mutants`."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_LIVES = "tests/unit/cdc_reader/test_lives.py"
_COMMANDS = "tests/unit/cdc_reader/test_commands_and_definitions.py"
_FORBIDDEN = "tests/unit/cdc_reader/discovery/test_forbidden_tables.py"
_TROUBLES = "tests/unit/cdc_reader/tables/test_troubles.py"
_UNCHECKED = (
    "tests/integration/cdc_reader/test_unchecked_texts.py"  # what a server refuses to convert is its own affair
)
_OF_BYTES = "tests/integration/cdc_reader/test_byte_encodings.py"
_CHARACTERS = "tests/integration/cdc_reader/test_characters.py"
_RECODED = "tests/unit/cdc_reader/postgres/test_recoded.py"
_TEXTS = "tests/unit/cdc_reader/postgres/test_characters.py"
_HIDDEN = "tests/unit/cdc_reader/test_locked_tables.py"
_LOCKS = "tests/integration/cdc_reader/test_locks.py"  # what a server takes locks for is its own affair
_COMPARED = "tests/integration/rowferry/test_reconcile_locks.py"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        rule="S5",
        without="a table aside whose row filter is of bytes that are no characters",
        file="cdc_reader/discovery/forbidden_tables.py",
        text='if member.relation_oid in own and NO_UTF8 in (member.row_filter or ""):',
        replacement='if member.relation_oid not in own and NO_UTF8 in (member.row_filter or ""):',
        tests=(f"{_FORBIDDEN}::test_s5_row_filter_of_bytes_that_are_no_characters_sets_its_table_aside",),
    ),
    Mutant(
        rule="D8",
        without="a catalog that waits for no table",
        file="cdc_reader/discovery/catalog_queries.py",
        text="       r.prqual IS NOT NULL AS filtered,\n",
        replacement="       pg_get_expr(r.prqual, r.prrelid) IS NOT NULL AS filtered,\n",
        tests=(f"{_LOCKS}::test_d8_nothing_that_is_asked_of_the_catalog_waits_for_a_lock",),
    ),
    Mutant(
        rule="D8",
        without="a comparison that waits for no other table",
        file="rowferry/reconcile/database_queries.py",
        text="CASE WHEN m.prqual IS NOT NULL THEN m.oid",
        replacement="CASE WHEN pg_get_expr(m.prqual, m.prrelid) IS NOT NULL THEN m.oid",
        tests=(f"{_COMPARED}::test_d8_row_filter_of_a_locked_table_holds_up_no_other_in_a_comparison",),
    ),
    Mutant(
        rule="D8",
        without="the row filter of before while a lock hides it",
        file="cdc_reader/startup.py",
        text="(with_known_filters(catalog, stored_filters(stored.publication), stored.entries))",
        replacement="(catalog)",
        tests=(f"{_HIDDEN}::test_d8_row_filter_that_a_lock_hides_is_the_one_of_before",),
    ),
    Mutant(
        rule="S5",
        without="setting a table aside whose row filter is not known",
        file="cdc_reader/discovery/forbidden_tables.py",
        text=" or _locked(table, publication)\n",
        replacement="\n",
        tests=(f"{_HIDDEN}::test_d8_table_whose_row_filter_nobody_knows_waits_for_the_lock_to_end",),
    ),
    Mutant(
        rule="D8",
        without="trying again what was met",
        file="cdc_reader/session.py",
        text=" or self._again\n",
        replacement="\n",
        tests=(f"{_LIVES}::test_d8_table_whose_topic_cannot_be_had_is_left_out_until_it_can",),
    ),
    Mutant(
        rule="D8",
        without="reading a table again that left the publication for a time",
        file="cdc_reader/startup.py",
        text='        found = {str(name): "it left the publication for a time" for name in self._left}\n',
        replacement="        found = {}\n",
        tests=(f"{_LIVES}::test_d8_table_that_left_the_publication_for_a_time_is_read_again_alone",),
    ),
    Mutant(
        rule="D8",
        without="leaving a table that is set aside in the publication",
        file="cdc_reader/discovery/publication.py",
        text="_published(catalog, capture_in_itself)",
        replacement="wanted",
        tests=(f"{_FORBIDDEN}::test_d8_table_that_is_set_aside_stays_in_the_publication",),
    ),
    Mutant(
        rule="P8",
        without="setting a table aside whose name cannot be told",
        file="cdc_reader/discovery/forbidden_tables.py",
        text="_uncarriable(table) or ",
        replacement="",
        tests=(f"{_FORBIDDEN}::test_p8_table_with_a_name_that_is_not_utf8_is_set_aside",),
    ),
    Mutant(
        rule="P8",
        without="asking for texts as they are stored",
        file="cdc_reader/postgres/encodings.py",
        text='_parameter(connection, "server_encoding") == _UNCHECKED or ',
        replacement="",
        tests=(f"{_UNCHECKED}::test_p8_value_that_is_no_utf8_leaves_the_stream_going",),
    ),
    Mutant(
        rule="P8",
        without="asking which bytes have a character",
        file="cdc_reader/postgres/encodings.py",
        text="    if encoding not in OF_BYTES:\n",
        replacement="    if True:\n",
        tests=(f"{_CHARACTERS}::test_p8_characters_are_those_that_the_server_makes_of_each_byte",),
    ),
    Mutant(
        rule="P8",
        without="going on where the server does not tell the characters",
        file="cdc_reader/postgres/encodings.py",
        text="    except (errors.InsufficientPrivilege, errors.UndefinedObject):\n",
        replacement="    except errors.UndefinedTable:\n",
        tests=(f"{_CHARACTERS}::test_p8_server_converts_for_a_role_that_may_not_ask",),
    ),
    Mutant(
        rule="P8",
        without="a stream in text, of texts that are recoded",
        file="cdc_reader/capture.py",
        text="text_only=text_only or self._in_text(settings, connection)",
        replacement="text_only=text_only",
        tests=(f"{_OF_BYTES}::test_p8_only_encodings_with_such_bytes_are_streamed_in_text",),
    ),
    Mutant(
        rule="P8",
        without="recoding the messages of the stream",
        file="cdc_reader/postgres/replication.py",
        text="        if self._characters.recode:\n",
        replacement="        if False:\n",
        tests=(f"{_OF_BYTES}::test_p8_byte_without_a_character_leaves_the_stream_going",),
    ),
    Mutant(
        rule="P8",
        without="recoding copied rows",
        file="cdc_reader/postgres/visible_reads.py",
        text="    if characters.recode:\n",
        replacement="    if False:\n",
        tests=(f"{_OF_BYTES}::test_p8_old_rows_and_unchanged_columns_are_recoded",),
    ),
    Mutant(
        rule="P8",
        without="recoding fields that are text, and only these",
        file="cdc_reader/postgres/recoded.py",
        text="if index in texts and not (value",
        replacement="if not (value",
        tests=(f"{_RECODED}::test_p8_texts_of_copied_rows_are_recoded_and_nothing_else",),
    ),
    Mutant(
        rule="P8",
        without="the mark of a byte that has no character",
        file="cdc_reader/postgres/characters.py",
        text="lambda found: _MARK + found[0]",
        replacement="lambda found: found[0]",
        tests=(f"{_TEXTS}::test_p8_text_is_recoded_and_a_byte_without_a_character_is_no_utf8",),
    ),
    Mutant(
        rule="P8",
        without="keys as they are stored, in statements",
        file="cdc_reader/postgres/characters.py",
        text='_MARKED.sub(r"\\1", text)',
        replacement="text",
        tests=(f"{_TEXTS}::test_p8_key_is_written_into_statements_as_it_is_stored",),
    ),
    Mutant(
        rule="P8",
        without="recording a key that is not UTF-8",
        file="schemas/offsets.py",
        text="        if self.last_key is not None and not all(map(_is_utf8, self.last_key)):\n",
        replacement="        if False:\n",
        tests=(f"{_UNCHECKED}::test_p8_key_that_is_no_utf8_still_names_its_row",),
    ),
    Mutant(
        rule="S5",
        without="comparing the terms of partitions",
        file="cdc_reader/discovery/forbidden_tables.py",
        text="    if len(sent) < 2:\n",
        replacement="    if sent:\n",
        tests=(f"{_FORBIDDEN}::test_s5_partitions_that_are_published_on_other_terms_set_their_table_aside",),
    ),
    Mutant(
        rule="D8",
        without="comparing topics as Kafka does",
        file="cdc_reader/tables/topic_names.py",
        text='    return topic.replace(".", "_")\n',
        replacement="    return topic\n",
        tests=(f"{_TROUBLES}::test_d8_two_topics_that_are_one_for_kafka_set_the_second_table_aside",),
    ),
    Mutant(
        rule="D1",
        without="the command of a scan that begins again",
        file="cdc_reader/snapshot/first_scans.py",
        text="Scan(table.name, cause, size, commands=commands, ",
        replacement="Scan(table.name, cause, size, ",
        tests=(f"{_COMMANDS}::test_d1_command_goes_on_when_the_definition_changes_meanwhile",),
    ),
    Mutant(
        rule="D8",
        without="taking a command that is refused from the scans that are left",
        file="cdc_reader/session.py",
        text=" if not self._inbox.refuses(each)}",
        replacement="}",
        tests=(f"{_COMMANDS}::test_d8_command_for_several_tables_has_one_answer",),
    ),
    Mutant(
        rule="D1",
        without="comparing the types of columns behind each chunk",
        file="cdc_reader/snapshot/chunk_reads.py",
        text="        if read_otherwise(worker.connection, table, request.leaf):\n",
        replacement="        if False:\n",
        tests=(f"{_COMMANDS}::test_d1_chunk_of_other_types_says_nothing_and_the_scan_begins_again",),
    ),
    Mutant(
        rule="D1",
        without="comparing definitions where keys have no row",
        file="cdc_reader/snapshot/chunk_reads.py",
        text=" else bool(result.chunk.absent)",
        replacement=" else False",
        tests=(f"{_COMMANDS}::test_d1_row_that_a_rewrite_hides_is_not_gone",),
    ),
)
