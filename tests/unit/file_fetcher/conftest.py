"""What the tests of a whole member share; tests of smaller parts have a `world` of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from file_fetcher.references.local import ReferenceStore
from tests.unit.file_fetcher.members import Clock, World, stop_clocks


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A member whose clock stands still until the test moves it."""
    clock = Clock()
    stop_clocks(monkeypatch, clock)
    store = ReferenceStore(tmp_path)
    yield World(store, clock)
    store.close()
