"""`python -m vespa_sink`."""

import sys

from vespa_sink.cli import main

sys.exit(main())
