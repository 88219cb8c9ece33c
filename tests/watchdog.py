"""
Ends a worker whose test does not come back, with the stacks of all its threads on stderr.

A test's own time-out is a signal: it cannot end a call into a client library that does not return. Without this one
such call is the silence of a whole run; with it, it is one failed test, which the run names, and a new worker.
"""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Generator

import pytest

# What a test has beyond its own time-out.
MARGIN_S = 120.0


class Watchdog:
    """A plug-in of one process. Begins again with each part of a test: an error's report ends pytest's own."""

    def __init__(self, margin_s: float = MARGIN_S) -> None:
        self._margin_s = margin_s
        # While a test runs, its stderr is captured; made when pytest is configured, this is the process's own.
        self._stderr = os.dup(2)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        return (yield from self._watched(item))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        return (yield from self._watched(item))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        return (yield from self._watched(item))

    def _watched(self, item: pytest.Item) -> Generator[None, object, object]:
        own = item.get_closest_marker("timeout")
        timeout_s = float(own.args[0] if own is not None else item.config.getini("timeout"))
        faulthandler.dump_traceback_later(timeout_s + self._margin_s, file=self._stderr, exit=True)
        try:
            return (yield)
        finally:
            faulthandler.cancel_dump_traceback_later()
