"""The fetcher, with the times of rule P13 in seconds and in their order: a test does not wait for half a minute."""

from __future__ import annotations

import sys

from cdc_runtime import call_bounds
from file_fetcher.settling import publisher

TRANSACTION_S, MARGIN_S = 14.0, 3.0

if __name__ == "__main__":
    publisher._TRANSACTION_TIMEOUT_S = TRANSACTION_S
    call_bounds._TRANSACTION_MARGIN_S = MARGIN_S
    from file_fetcher.cli import main

    sys.exit(main())
