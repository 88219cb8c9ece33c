"""What is said of a certificate, by OpenSSL's number."""

from __future__ import annotations

import pytest

from cdc_runtime.kafka.certificates import ALERTS, problem, problem_of_ours
from schemas.errors import AccessDenied, ServerSetting, SettingsError

CODES = {10: ServerSetting, 9: ServerSetting, 62: SettingsError, 64: SettingsError, 19: SettingsError, 7: ServerSetting}


@pytest.mark.parametrize(("code", "kind"), CODES.items())
def test_certificate_that_is_not_trusted_is_no_matter_of_waiting(code: int, kind: type) -> None:
    found = problem(code, "words of OpenSSL", "b:1", named=False)
    assert type(found) is kind
    assert found.exit_code == 78
    assert found.remedy
    assert str(found).startswith("expected Kafka at b:1 to have a certificate that we trust, got ")


def test_unknown_authority_says_whether_one_is_set() -> None:
    assert "ssl.ca.location is not set" in str(problem(20, "", "b:1", named=False))
    assert "ssl.ca.location is of another authority" in str(problem(20, "", "b:1", named=True))


@pytest.mark.parametrize("alert", ALERTS)
def test_certificate_of_ours_that_is_refused_says_why(alert: str) -> None:
    found = problem_of_ours(alert, "b:1", shown=True)
    assert type(found) is AccessDenied
    assert str(found).endswith(f"got a refusal: {ALERTS[alert]}")


def test_no_certificate_of_ours_is_a_setting_that_is_missing() -> None:
    found = problem_of_ours("TLSV13_ALERT_CERTIFICATE_REQUIRED", "b:1", shown=False)
    assert type(found) is SettingsError
    assert "ssl.certificate.location and ssl.key.location in kafka.client" in str(found.remedy)
