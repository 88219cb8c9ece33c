"""The compiled hot path, joined with the slow path that both encoders share. Importing fails where it was not built."""

from __future__ import annotations

from cdc_reader.transcode.compiled import Core
from cdc_reader.transcode.encoder import Encoder


class CompiledEncoder(Core, Encoder):
    """Makes no Python object for a column."""
