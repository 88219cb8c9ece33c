"""What a sink is joined from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cdc_runtime.health import Health
from schemas.topics import Topics
from vespa_sink.burials import Burials
from vespa_sink.composer import Composer
from vespa_sink.feed import Feed
from vespa_sink.floors import Index
from vespa_sink.flow import Flow
from vespa_sink.future_versions import FutureVersions
from vespa_sink.lanes import Lanes
from vespa_sink.partitions import Assigned
from vespa_sink.plans import Plans
from vespa_sink.positions_checked import PositionCheck
from vespa_sink.sweeper import Sweeper
from vespa_sink.tables_followed import FollowedTables
from vespa_sink.telemetry import Telemetry


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
