"""Fixtures of the operator's commands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.rowferry.indexed import IndexedRows
from tests.servers import VespaAddress


@pytest.fixture
def index(vespa: VespaAddress, vespa_namespace: str) -> Iterator[IndexedRows]:
    """The documents of this test, removed at its end."""
    documents = IndexedRows(vespa, vespa_namespace)
    yield documents
    documents.clear()
