"""
From the bytes of a tuple to the bytes of an event, by a plan made when the table's definition arrived.

Two encoders do the same: `compiled` (Cython), and `reference` where that was not built. Which one runs is
`IMPLEMENTATION`; tests and benchmarks may ask for either.
"""

from __future__ import annotations

from cdc_reader.transcode.carried import Uncarriable, Unfit
from cdc_reader.transcode.context import EventContext
from cdc_reader.transcode.encoder import (
    CHANGE,
    INCOMPLETE,
    KEY_CHANGED,
    UNCARRIABLE,
    ChangeParts,
    Columns,
    Encoder,
    Fields,
)
from cdc_reader.transcode.kinds import kind_of
from cdc_reader.transcode.known_types import KnownTypes
from cdc_reader.transcode.plan import ColumnPlan, TablePlan
from cdc_reader.transcode.reference import ReferenceEncoder
from schemas.errors import SettingsError

__all__ = [
    "CHANGE",
    "IMPLEMENTATION",
    "INCOMPLETE",
    "KEY_CHANGED",
    "UNCARRIABLE",
    "ChangeParts",
    "ColumnPlan",
    "Columns",
    "Encoder",
    "EventContext",
    "Fields",
    "KnownTypes",
    "TablePlan",
    "Uncarriable",
    "Unfit",
    "kind_of",
    "make_encoder",
]


def _compiled() -> type[Encoder] | None:
    """The compiled encoder, where it was built."""
    try:
        from cdc_reader.transcode.compiled_encoder import CompiledEncoder
    except ImportError:
        return None
    return CompiledEncoder


_IMPLEMENTATIONS: dict[str, type[Encoder]] = {"reference": ReferenceEncoder}
if (_encoder := _compiled()) is not None:
    _IMPLEMENTATIONS["compiled"] = _encoder
IMPLEMENTATION = "compiled" if "compiled" in _IMPLEMENTATIONS else "reference"


def make_encoder(plan: TablePlan, implementation: str = "auto") -> Encoder:
    """An encoder for a table; `auto` takes `IMPLEMENTATION`. Raises `SettingsError` for one that was not built."""
    name = IMPLEMENTATION if implementation == "auto" else implementation
    if name not in _IMPLEMENTATIONS:
        raise SettingsError(
            f"transcoder: expected one of {sorted(_IMPLEMENTATIONS)!r}, got {name!r}",
            remedy="install a C compiler and build the package again, or let the transcoder be 'auto'",
        )
    return _IMPLEMENTATIONS[name](plan)
