"""All lists in one."""

from __future__ import annotations

from tests.mutants import fetcher, reader, reader_decisions, runtime, sink
from tests.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *reader.MUTANTS,
    *reader_decisions.MUTANTS,
    *sink.MUTANTS,
    *fetcher.MUTANTS,
    *runtime.MUTANTS,
)
