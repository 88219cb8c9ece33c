"""Edge: why there was no answer from the network, in the system's words: HTTP clients name their own classes."""

from __future__ import annotations

import os


def why(exc: BaseException) -> str:
    """`Connection refused`, not the name of a client's class; follows what an error was raised from."""
    below: BaseException | None = exc
    while below is not None:
        if isinstance(below, TimeoutError):
            return "no answer in time"
        if isinstance(below, OSError):
            # Of a look-up that failed the number is its own, below 0.
            if below.errno is not None and below.errno > 0:
                return os.strerror(below.errno)
            if below.strerror:
                return below.strerror
        below = below.__cause__ or below.__context__
    return type(exc).__name__
