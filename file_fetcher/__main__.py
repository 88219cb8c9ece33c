"""`python -m file_fetcher`."""

import sys

from file_fetcher.cli import main

sys.exit(main())
