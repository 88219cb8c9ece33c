"""What `test_nursery` starts: says who it is, then does what it is told."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path

if __name__ == "__main__":
    told = {
        "argv": sys.argv[1:],
        "environment": dict(os.environ),
        "folder": str(Path.cwd()),
        "pid": os.getpid(),
        "main": sys.modules["__main__"].__spec__.name,  # type: ignore[union-attr]
        "interrupts": repr(signal.getsignal(signal.SIGINT)),
        "threads": threading.active_count(),
    }
    sys.stdout.write(f"{json.dumps(told)}\n")
    sys.stdout.flush()
    if sys.argv[1:] == ["wait"]:
        signal.pause()
    if sys.argv[1:] == ["raise"]:
        raise RuntimeError("as told")
    sys.exit(int(sys.argv[1]))
