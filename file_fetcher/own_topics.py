"""Where the fetcher writes, and whose the retries and dead letters are: a value that everybody shares."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.topics import Topics


@dataclass(frozen=True, slots=True)
class OwnTopics:
    """Topics, how many partitions each of the fetcher's own has, and the group whose retries these are."""

    topics: Topics
    group: str
    partitions: int

    @property
    def results(self) -> tuple[str, str]:
        """The topics of results."""
        return self.topics.files, self.topics.file_rows
