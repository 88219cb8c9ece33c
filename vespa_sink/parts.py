"""What a sink is joined from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cdc_runtime.health import Health
from schemas.topics import Topics
from vespa_sink.documents.plans import Plans
from vespa_sink.intake.backpressure import Backpressure
from vespa_sink.intake.dead_letters import DeadLetters
from vespa_sink.intake.followed_tables import FollowedTables
from vespa_sink.intake.partitions import AssignedPartition
from vespa_sink.intake.position_check import PositionCheck
from vespa_sink.metrics import SinkMetrics
from vespa_sink.vespa.client import VespaClient
from vespa_sink.vespa.searches import Index
from vespa_sink.vespa.sweeper import FloorSweeper
from vespa_sink.writes.composer import Composer
from vespa_sink.writes.future_versions import FutureVersions
from vespa_sink.writes.write_order import WriteOrder


@dataclass(frozen=True, slots=True)
class Parts:
    """The concrete objects; `service` makes them."""

    topics: Topics
    records: Index
    client: VespaClient
    order: WriteOrder[AssignedPartition, Any]
    backpressure: Backpressure[AssignedPartition]
    composer: Composer
    plans: Plans
    tables: FollowedTables
    sweeper: FloorSweeper
    dead_letters: DeadLetters
    positions: PositionCheck
    versions: FutureVersions
    metrics: SinkMetrics
    health: Health
