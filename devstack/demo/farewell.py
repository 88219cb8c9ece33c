"""What is said of a demo that goes on: where everything is, and what to try."""

from __future__ import annotations

import shlex
import sys
import urllib.parse
from pathlib import Path

from devstack.demo import kept
from devstack.demo.running import Running
from devstack.demo.screen import Screen
from devstack.demo.searches import IN_PDF
from devstack.sample.rows import Size


def say_how_to_try(running: Running, screen: Screen, size: Size) -> None:
    """Addresses, and commands to copy."""
    settings = _shown(kept.write_settings(running.folder, running.settings))
    python = _shown(Path(sys.executable))
    store = running.store
    search = f"{running.vespa.url}/search/?{urllib.parse.urlencode({'yql': IN_PDF, 'hits': 3})}"
    workload = f"{python} -m devstack.sample workload --seed {size.seed} --factor {size.factor:g} --seconds 60"
    screen.stage("farewell", "It goes on running")
    screen.table(
        ("", ""),
        [
            ("PostgreSQL", running.postgres.dsn),
            ("Kafka", running.kafka.address),
            ("Vespa", running.vespa.url),
            ("S3", f"{running.objects_url} (access key {store.access_key_id}, secret {store.secret_access_key})"),
            *((service.name, f"{service.url() or 'no address'}/statusz") for service in running.services),
            ("logs", _shown(running.folder)),
        ],
    )
    screen.say("to try:")
    for command in (
        f". {settings}    # the settings, for the commands below",
        f"{python} -m rowferry status",
        f"{python} -m rowferry reconcile",
        f'{workload} --dsn "$ROWFERRY_DATABASE_URL" --objects {running.objects_url}',
        f"curl -s {shlex.quote(search)}",
        f"{kept.end_command(running.folder)}    # ends it and removes its data",
    ):
        screen.say(f"  {command}")
    screen.stage_over()


def _shown(path: Path) -> str:
    """Short where it lies below the current folder."""
    absolute = path if path.is_absolute() else Path.cwd() / path
    return shlex.quote(str(absolute.relative_to(Path.cwd()) if absolute.is_relative_to(Path.cwd()) else absolute))
