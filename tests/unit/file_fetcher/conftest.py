"""What the tests of a whole member share; tests of smaller parts have a `world` of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from file_fetcher import fetcher as fetchers
from file_fetcher.references.local import ReferenceStore
from tests.unit.file_fetcher.members import Clock, World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A member whose clock stands still until the test moves it."""
    clock = Clock()
    monkeypatch.setattr(fetchers, "time", clock)
    monkeypatch.setattr("file_fetcher.settling.kafka_transactions.time", clock)
    store = ReferenceStore(tmp_path)
    yield World(store, clock)
    store.close()
