"""The reader's end, where it does not come in time."""

from __future__ import annotations

import os
import signal
import threading
from unittest.mock import create_autospec

import pytest

from cdc_reader.service import Reader
from cdc_reader.settings import ReaderSettings
from cdc_runtime.drain import Drain
from cdc_runtime.health import Health
from cdc_runtime.metrics import Metrics
from cdc_runtime.neighbours import Neighbours


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (None, 143)])
def test_end_that_was_cut_short_is_no_success(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals | None, code: int
) -> None:
    """Red with exit 0: whoever restarts services would take it for an end in order."""
    codes: list[int] = []
    over = threading.Event()
    monkeypatch.setattr(os, "_exit", lambda found: (codes.append(found), over.set()))
    drain = Drain(0)
    settings = ReaderSettings(database_url="postgresql://reader@source/shop")
    neighbours = create_autospec(Neighbours, instance=True)
    Reader(settings, drain=drain, metrics=Metrics("reader", "1"), health=Health("reader"), neighbours=neighbours)
    drain.signal = number
    drain.stop()
    assert over.wait(60)
    assert codes == [code]
