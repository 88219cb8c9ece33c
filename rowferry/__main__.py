"""Entry of `python -m rowferry`."""

from __future__ import annotations

import sys

from rowferry.cli import main

sys.exit(main())
