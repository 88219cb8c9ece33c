from __future__ import annotations

import pytest

from cdc_runtime.settings.models import load
from schemas.errors import SettingsError
from vespa_sink.settings import SinkSettings


def test_defaults_need_no_source() -> None:
    settings = load(SinkSettings, [], environ={})
    assert (settings.vespa.url, settings.vespa.namespace, settings.group) == (
        "http://localhost:8080",
        "procore",
        "rowferry-vespa-sink",
    )


def test_vespa_is_found_under_its_legacy_name() -> None:
    settings = load(SinkSettings, [], environ={"VESPA_LOCAL_URL": "http://index:8080"})
    assert settings.vespa.url == "http://index:8080"


@pytest.mark.parametrize(
    "flags",
    [
        ["--vespa.url", "index:8080"],
        ["--vespa.url", "http://index:8080/path"],
        ["--vespa.namespace", "a/b"],
        ["--breaker.rollout-s", "0"],
        ["--max-open-records", "0"],
    ],
    ids=lambda flags: flags[0],
)
def test_setting_out_of_its_bounds_is_refused(flags: list[str]) -> None:
    with pytest.raises(SettingsError):
        load(SinkSettings, flags, environ={})
