"""A test that never comes back from a call into C costs itself, not the run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CONFTEST = """
from tests.watchdog import Watchdog

def pytest_configure(config):
    config.pluginmanager.register(Watchdog(margin_s=1))
"""
STUCK = """
import ctypes

def test_stuck():
    library, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(64)
    library.pthread_mutex_lock(mutex)
    library.pthread_mutex_lock(mutex)  # no signal ends it

def test_next():
    pass
"""
PROJECT = Path(__file__).parents[2]


def test_call_that_never_returns_ends_its_worker_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_stuck.py").write_text(STUCK)
    (tmp_path / "pytest.ini").write_text(f"[pytest]\ntimeout = 2\npythonpath = {PROJECT}\n")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "1", "-p", "no:randomly", "-q", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=150,
        cwd=tmp_path,
        check=False,
    )
    assert "crashed while running 'test_stuck.py::test_stuck'" in ran.stdout
    assert "1 failed, 1 passed" in ran.stdout
    assert 'test_stuck.py", line 7 in test_stuck' in ran.stderr
