"""`python -m cdc_reader` is the command `cdc-reader`."""

from __future__ import annotations

import sys

from cdc_reader.cli import main

sys.exit(main())
