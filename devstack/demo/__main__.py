"""Entry of ``python -m devstack.demo``."""

from __future__ import annotations

import sys

from devstack.demo.cli import main

sys.exit(main())
