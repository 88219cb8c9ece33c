"""Which Java and Maven there are, and that they will do."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

from devstack.errors import DevstackError

_LEAST = 17  # Kafka 4 and Vespa both ask for it
_APT = "apt-get install openjdk-17-jdk-headless maven"


@functools.cache
def java() -> Path:
    """The java program to run servers with; raises DevstackError when there is none, or an old one."""
    home = os.environ.get("JAVA_HOME")
    found = f"{home}/bin/java" if home else shutil.which("java")
    if found is None or not Path(found).exists():
        raise DevstackError(f"expected java {_LEAST} or newer, found none; on Debian: {_APT}")
    answer = subprocess.run([found, "-version"], capture_output=True, text=True, check=False)
    version = major(answer.stderr + answer.stdout)
    if version is None or version < _LEAST:
        raise DevstackError(
            f"expected java {_LEAST} or newer, got {version or 'no version'} from {found}; on Debian: {_APT}"
        )
    return Path(found)


def maven() -> Path:
    """The mvn program; raises DevstackError when there is none."""
    found = shutil.which("mvn")
    if found is None:
        raise DevstackError(f"expected mvn (Maven 3.8 or newer) to fetch the jars, found none; on Debian: {_APT}")
    return Path(found)


def major(version_output: str) -> int | None:
    """The major version in what ``java -version`` prints."""
    match = re.search(r'version "(?:1\.)?(\d+)', version_output)
    return int(match[1]) if match else None
