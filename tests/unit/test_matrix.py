from __future__ import annotations

from devstack import postgres_programs
from tests import matrix
from tests.matrix import Configuration


def test_every_version_of_postgres_has_its_configuration_and_wal2json_has_one() -> None:
    asked = {argument for each in matrix.CONFIGURATIONS for argument in each.arguments}
    assert {f"--postgres-version={version}" for version in postgres_programs._PROFILES} <= asked
    assert any({"--postgres-version=15", "--postgres-origin=debian"} <= set(e.arguments) for e in matrix.CONFIGURATIONS)


def test_configuration_that_cannot_be_run_is_told_with_its_reason_and_fails_nothing() -> None:
    assert matrix._try(Configuration("none", (), lambda: "there is none"), ()) == (True, "not run: there is none")
