"""
Whether a client of librdkafka still has brokers (pure), told from its statistics.

A broker that has just begun may answer with topics and no broker. librdkafka then gives up every broker that it knew;
when its new beginning is taken back in the same moment, it never connects again, and says nothing: a consumer is silent
for ever (https://github.com/confluentinc/librdkafka/issues/5301; 2 of 10 consumers at a restart under load).

Keeps: P13.
"""

from __future__ import annotations

# How often librdkafka tells; about 2 KB a partition, so not more often than it takes.
INTERVAL_MS = 10_000
# A client that begins again has no broker for a moment.
_TIMES = 2
# Where a broker comes from: `kafka.bootstrap_servers`, or an answer. Those left are librdkafka's own.
_SOURCES = ('"source":"configured"', '"source":"learned"')


class BrokerWatch:
    """Takes one client's statistics (`stats_cb`)."""

    def __init__(self) -> None:
        self._without = 0

    def __call__(self, statistics: str) -> None:
        """Look for a broker; they stand before the topics, so that this is short."""
        self._without = 0 if any(source in statistics for source in _SOURCES) else self._without + 1

    @property
    def lost(self) -> bool:
        """Whether the client has no broker, and had none before: it is to be given up."""
        return self._without >= _TIMES
