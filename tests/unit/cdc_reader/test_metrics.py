"""What disturbs a session is counted under the neighbour that the error names."""

from __future__ import annotations

import pytest

from cdc_reader.metrics import ReaderMetrics
from cdc_runtime import metrics as names
from cdc_runtime.health import Health
from cdc_runtime.kafka.errors import Fenced
from cdc_runtime.metrics import Metrics
from schemas.errors import Neighbour, TransientError, Unreachable


@pytest.mark.parametrize(
    ("error", "target"),
    [
        (Unreachable("expected an answer", neighbour=Neighbour.KAFKA), "kafka"),
        (Unreachable("expected an answer", neighbour=Neighbour.POSTGRES), "postgres"),
        (TransientError('cannot read: column "kafka_offset" is gone', neighbour=Neighbour.POSTGRES), "postgres"),
        (Fenced("expected to commit, got PRODUCER_FENCED"), "kafka"),
    ],
)
def test_a_new_connection_is_counted_for_the_neighbour_that_was_lost(error, target):
    metrics = Metrics("cdc-reader", "test")
    health = Health("cdc-reader")
    ReaderMetrics(metrics, health, slot="s").disturbed(error)
    counted = {
        other: metrics.registry.get_sample_value(f"{names.READER_RECONNECTS.name}", {"target": other})
        for other in ("kafka", "postgres")
    }
    assert {name for name, value in counted.items() if value} == {target}
    assert health.readiness() == (False, f"service: {error}")
