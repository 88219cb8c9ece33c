"""
What a made database is.

Documents are written out, and not computed: they are what the documentation says of the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Documents = Mapping[tuple[str, str], Mapping[str, str] | None]  # (table, key) -> its columns, None: there is none


@dataclass(frozen=True, slots=True)
class Made:
    """A database, and what is changed in it: each text is a transaction."""

    tables: str
    at_first: Documents
    while_all_run: tuple[str, ...]
    while_reader_is_dead: tuple[str, ...]
    while_sink_is_dead: tuple[str, ...]
    at_last: Documents
    while_fetcher_is_dead: tuple[str, ...] = ()
