"""Readers for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.databases import Database
from tests.integration.cdc_reader.readers import Consumer, Reader

MakeReader = Callable[..., Reader]


@pytest.fixture
def make_reader(kafka: str, topic_prefix: str, tmp_path: Path) -> Iterator[MakeReader]:
    """Makes readers of one pipeline (`make_reader(database, NAME=value...)`); none outlives the test."""
    made: list[Reader] = []

    def make(database: Database, *, name: str = "", dsn: str | None = None, **settings: Any) -> Reader:
        texts = {key: str(value) for key, value in settings.items()}
        made.append(
            Reader(
                database, texts.pop("kafka", kafka), topic_prefix, tmp_path, texts, name or f"reader{len(made)}", dsn
            )
        )
        return made[-1]

    yield make
    for reader in made:
        reader.close()


@pytest.fixture
def consumer(kafka: str, topic_prefix: str) -> Consumer:
    """A consumer of the test's pipeline."""
    return Consumer(kafka, topic_prefix)
