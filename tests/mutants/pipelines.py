"""What keeps two pipelines apart, each rule taken out by one edit; see `tests.mutants`."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_NAMES = "tests/unit/cdc_runtime/test_pipeline_names.py"
_OWNER = "tests/unit/vespa_sink/vespa/test_index_owner.py"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        rule="D7",
        without="groups and namespaces of its own for each prefix",
        file="cdc_runtime/pipeline_names.py",
        text='return plain if prefix == PLAIN_PREFIX else f"{plain}-{prefix}"',
        replacement="return plain",
        tests=(f"{_NAMES}::test_d7_names_carry_the_prefix_but_for_the_plain_one",),
    ),
    Mutant(
        rule="D7",
        without="the digest of a prefix that PostgreSQL's names cannot carry",
        file="cdc_runtime/pipeline_names.py",
        text='return f"{plain}_{word}_{digest}"',
        replacement='return f"{plain}_{word}"',
        tests=(f"{_NAMES}::test_d7_slot_and_publication_carry_the_prefix_as_postgres_allows_it",),
    ),
    Mutant(
        rule="D7",
        without="going on under the name from before",
        file="cdc_runtime/pipeline_names.py",
        text="return plain if plain in used and own not in used else own",
        replacement="return own",
        tests=(f"{_NAMES}::test_d7_pipeline_goes_on_with_the_name_that_it_ran_under_before",),
    ),
    Mutant(
        rule="D7",
        without="refusing a group of another pipeline",
        file="cdc_runtime/pipeline_names.py",
        text="if others and prefix not in prefixes:",
        replacement="if False:",
        tests=(f"{_NAMES}::test_d7_group_with_positions_of_another_pipeline_alone_is_refused",),
    ),
    Mutant(
        rule="D7",
        without="going on in a group that was shared before",
        file="cdc_runtime/pipeline_names.py",
        text="if others and prefix not in prefixes:",
        replacement="if others:",
        tests=(f"{_NAMES}::test_d7_group_that_two_pipelines_share_already_is_told",),
    ),
    Mutant(
        rule="D7",
        without="full coverage when a namespace is said to be unused",
        file="vespa_sink/vespa/index_owner.py",
        text="return False if whole else None",
        replacement="return False",
        tests=(f"{_OWNER}::test_d7_namespace_is_unused_only_when_all_of_it_was_looked_at",),
    ),
    Mutant(
        rule="D7",
        without="one pipeline for each folder of a fetcher",
        file="file_fetcher/startup.py",
        text='if found not in ("", prefix):',
        replacement="if False:",
        tests=("tests/unit/file_fetcher/test_startup_folder.py::test_d7_folder_belongs_to_one_pipeline",),
    ),
)
