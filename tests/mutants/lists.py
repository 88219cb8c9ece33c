"""All lists in one."""

from __future__ import annotations

from tests.mutants import (
    catalog_changes,
    fetcher,
    neighbours,
    pipelines,
    reader,
    reader_decisions,
    reader_definitions,
    reader_keys,
    reader_leaves,
    reader_polling,
    reader_set_aside,
    reader_types,
    runtime,
    runtime_calls,
    sink,
    sink_answers,
    sink_lacking,
    sink_redrives,
    sink_stuck,
    unreadable,
)
from tests.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *reader.MUTANTS,
    *reader_decisions.MUTANTS,
    *reader_definitions.MUTANTS,
    *reader_keys.MUTANTS,
    *reader_leaves.MUTANTS,
    *reader_polling.MUTANTS,
    *reader_set_aside.MUTANTS,
    *reader_types.MUTANTS,
    *catalog_changes.MUTANTS,
    *sink.MUTANTS,
    *sink_answers.MUTANTS,
    *sink_lacking.MUTANTS,
    *sink_redrives.MUTANTS,
    *sink_stuck.MUTANTS,
    *fetcher.MUTANTS,
    *runtime.MUTANTS,
    *runtime_calls.MUTANTS,
    *pipelines.MUTANTS,
    *neighbours.MUTANTS,
    *unreadable.MUTANTS,
)
