from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from file_fetcher.parsers.media_types import TEXT, MediaType
from file_fetcher.parsers.output import ParserOutput
from file_fetcher.parsers.pool import ParserPool
from file_fetcher.settings import LimitSettings, ParserSettings

ODD = {"odd": "tests.integration.file_fetcher.parsers.odd_parsers:OddParser"}


class Reader:
    """Has contents read by a pool of its own."""

    def __init__(self, folder, pool: ParserPool) -> None:
        self.folder = folder
        self.pool = pool
        self._open = ExitStack()

    def read(self, content: bytes | str, media_type: MediaType = TEXT) -> ParserOutput:
        path = self.folder / "content"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        parser = self.pool.parser_of(media_type)
        assert parser is not None
        return self._open.enter_context(self.pool.reading(parser, path, media_type))

    def pid(self) -> int:
        """The process id of the child that reads next."""
        reading = self.read("nothing")
        assert reading.rows is not None
        return int(reading.rows.read_text().partition('"pid":"')[2].partition('"')[0])

    def close(self) -> None:
        self._open.close()
        self.pool.close()


@pytest.fixture
def make_reader(tmp_path) -> Iterator:
    """Makes a reader: settings of parsers and limits as keywords, `named` parsers (default: those installed)."""
    made = []

    def make(*, named=None, limits=None, **settings) -> Reader:
        settings = ParserSettings(**{"workers": 1, "memory_bytes": 256 * 2**20, **settings})
        pool = ParserPool(settings, limits or LimitSettings(), tmp_path / f"pool{len(made)}", named=named)
        made.append(Reader(tmp_path, pool))
        return made[-1]

    yield make
    for reader in made:
        reader.close()


@pytest.fixture
def odd(make_reader) -> Reader:
    """Reads files that say what the parser shall do."""
    return make_reader(named=ODD)
