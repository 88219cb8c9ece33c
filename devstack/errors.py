"""The one error that leaves this package."""

from __future__ import annotations


class DevstackError(Exception):
    """A server cannot be had; the message is one line that says why and how to mend it."""
