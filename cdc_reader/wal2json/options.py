"""
What wal2json is asked for when the stream starts.

Neither tables nor messages are chosen here: an ordinal counts every change of the source, so that it stays the same
when the selection changes (rule P6), and the plugin compares each change with each name of such a list. Names of types
are not asked for: 2.5 prints some of them as invalid JSON.

Keeps: P6.
"""

from __future__ import annotations

from collections.abc import Mapping

# Came with 2.6: NaN and infinities are told, which are `null` before.
EXACT_NUMBERS = "numeric-data-types-as-string"
OPTIONS: Mapping[str, str] = {
    "format-version": "2",
    "include-transaction": "true",
    "include-xids": "true",
    "include-timestamp": "true",
    "include-lsn": "true",
    "include-schemas": "true",
    "include-types": "false",
    "include-type-oids": "true",
    "actions": "insert,update,delete,truncate",
}


def options(*, exact: bool) -> dict[str, str]:
    """The options of START_REPLICATION; `exact`: numbers as texts, which 2.5 refuses."""
    return {**OPTIONS, **({EXACT_NUMBERS: "true"} if exact else {})}
