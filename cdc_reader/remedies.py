"""What an operator does when the past is lost: the remedies that more than one check names."""

from __future__ import annotations

RESET = (
    "to read every table again and sweep what is gone from the index, run `cdc-reader reset --execute`, "
    "then start the reader"
)
