from __future__ import annotations

import signal

import pytest

from file_fetcher.parsers.endings import Ending, status_of

MIB = 2**20
CASES = {
    "too slow": (Ending(signal.SIGKILL, by_deadline=True), "parser_timeout"),
    "too much processor time": (Ending(signal.SIGXCPU), "parser_timeout"),
    "killed by the kernel": (Ending(signal.SIGKILL), "parser_oom"),
    "aborted with much memory": (Ending(signal.SIGABRT, 60 * MIB), "parser_oom"),
    "aborted with little memory": (Ending(signal.SIGABRT, 10 * MIB), "parser_crash"),
    "aborted for one large allocation": (Ending(signal.SIGABRT, MIB, b"memory allocation of 99 bytes"), "parser_oom"),
    "a bad pointer": (Ending(signal.SIGSEGV, MIB), "parser_crash"),
    "left by itself": (Ending(0), "parser_crash"),
}


@pytest.mark.parametrize(("ending", "status"), CASES.values(), ids=CASES)
def test_end_of_a_child_has_a_status(ending, status):
    assert status_of(ending, 100 * MIB) == status
