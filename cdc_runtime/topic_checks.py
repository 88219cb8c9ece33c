"""
Compares a topic as it is with the topic as its owner wants it, and says how many are created at once; pure.

Leaves to others: asking the broker and creating topics (`kafka.admin`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from schemas.topics import TopicSpec

# Brokers before 3.6 know neither of these two but the third, which bounds both directions.
_NEW_TIMESTAMP_BOUNDS = ("message.timestamp.before.max.ms", "message.timestamp.after.max.ms")
_OLD_TIMESTAMP_BOUND = "message.timestamp.difference.max.ms"
# What an operator may raise without harm: more is kept, or for longer (-1: for ever), and larger records fit.
_AT_LEAST = frozenset({"retention.ms", "delete.retention.ms", "min.compaction.lag.ms", "max.message.bytes"})
# What only says how the broker works.
_OF_THE_BROKER = frozenset({"segment.ms", "segment.bytes", "min.cleanable.dirty.ratio"})
# A controller writes a record for each topic, partition and setting, and refuses a request that needs more than 10,000
# (`QuorumController.MAX_RECORDS_PER_USER_OP`). A tenth is created in a second, far below a request's time-out.
_MOST_RECORDS = 1_000


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """A topic as the broker describes it. `topic_id` changes when a topic is deleted and made again."""

    name: str
    topic_id: str
    partitions: int
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TopicDifference:
    """One setting of a topic that is not as wanted, and the command that mends it."""

    topic: str
    setting: str
    wanted: str
    found: str
    remedy: str

    def __str__(self) -> str:
        return f"topic {self.topic}: expected {self.setting}={self.wanted}, got {self.found}"


def config_for_old_broker(config: Mapping[str, str]) -> dict[str, str]:
    """The same settings for a broker before 3.6."""
    older = {name: value for name, value in config.items() if name not in _NEW_TIMESTAMP_BOUNDS}
    bounds = [config[name] for name in _NEW_TIMESTAMP_BOUNDS if name in config]
    return older | ({_OLD_TIMESTAMP_BOUND: max(bounds, key=int)} if bounds else {})


def creation_batches(specs: Iterable[TopicSpec]) -> Iterator[list[TopicSpec]]:
    """Topics in the order given, few enough in each batch for one request; a topic is never split."""
    batch: list[TopicSpec] = []
    records = 0
    for spec in specs:
        more = 1 + spec.partitions + len(spec.config)
        if batch and records + more > _MOST_RECORDS:
            yield batch
            batch, records = [], 0
        batch.append(spec)
        records += more
    if batch:
        yield batch


def differences(spec: TopicSpec, facts: TopicFacts, bootstrap_servers: str) -> list[TopicDifference]:
    """What is not as `spec` wants it, and does harm. `bootstrap_servers` stands in the remedies, which lose nothing."""
    found = []
    if facts.partitions < spec.partitions or (facts.partitions > spec.partitions and not spec.may_have_more):
        remedy = _partitions_remedy(spec, facts, bootstrap_servers)
        found.append(TopicDifference(spec.name, "partitions", str(spec.partitions), str(facts.partitions), remedy))
    known_to_broker = any(name in facts.config for name in _NEW_TIMESTAMP_BOUNDS)
    wanted = spec.config if known_to_broker else config_for_old_broker(spec.config)
    for name, value in wanted.items():
        if not _serves(name, value, facts.config.get(name)):
            remedy = (
                f"kafka-configs.sh --bootstrap-server {bootstrap_servers} --alter --entity-type topics "
                f"--entity-name {spec.name} --add-config {name}={value}"
            )
            found.append(TopicDifference(spec.name, name, value, facts.config.get(name, "nothing"), remedy))
    return found


def _serves(name: str, wanted: str, found: str | None) -> bool:
    """Whether a topic with this setting does what the wanted one is for."""
    if found == wanted or name in _OF_THE_BROKER:
        return True
    if name not in _AT_LEAST or found is None or not found.removeprefix("-").isdecimal():
        return False
    return int(found) >= int(wanted) or (name == "retention.ms" and int(found) < 0)


def _partitions_remedy(spec: TopicSpec, facts: TopicFacts, bootstrap_servers: str) -> str:
    if spec.may_have_more:
        return (
            f"kafka-topics.sh --bootstrap-server {bootstrap_servers} --alter --topic {spec.name} "
            f"--partitions {spec.partitions}"
        )
    return (
        "the partition count of a topic is for ever (keys would change their partition), and none can be taken away: "
        f"stop the services, run `cdc-reader reset --execute`, delete topic {spec.name} and start them; "
        "every table is read again"
    )
