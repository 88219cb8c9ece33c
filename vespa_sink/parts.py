"""What a sink is joined from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cdc_runtime.health import Health
from schemas.topics import Topics
from vespa_sink.documents.plans import Plans
from vespa_sink.intake.backpressure import Flow
from vespa_sink.intake.dead_letters import Burials
from vespa_sink.intake.followed_tables import FollowedTables
from vespa_sink.intake.partitions import Assigned
from vespa_sink.intake.position_check import PositionCheck
from vespa_sink.metrics import Telemetry
from vespa_sink.vespa.client import Feed
from vespa_sink.vespa.searches import Index
from vespa_sink.vespa.sweeper import Sweeper
from vespa_sink.writes.composer import Composer
from vespa_sink.writes.future_versions import FutureVersions
from vespa_sink.writes.write_order import Lanes


@dataclass(frozen=True, slots=True)
class Parts:
    """The concrete objects; `service` makes them."""

    topics: Topics
    records: Index
    feed: Feed
    lanes: Lanes[Assigned, Any]
    flow: Flow[Assigned]
    composer: Composer
    plans: Plans
    tables: FollowedTables
    sweeper: Sweeper
    burials: Burials
    positions: PositionCheck
    versions: FutureVersions
    telemetry: Telemetry
    health: Health
