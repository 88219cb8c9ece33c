"""The fetcher's settings, from all their sources."""

from __future__ import annotations

import pytest

from cdc_runtime.settings.models import load
from file_fetcher.settings import FetcherSettings
from schemas.errors import SettingsError


def fetcher(environ: dict[str, str] | None = None, argv: list[str] | None = None) -> FetcherSettings:
    return load(FetcherSettings, argv or [], environ=environ or {})


def test_region_is_known_by_its_old_name():
    assert fetcher({"AWS_REGION": "eu-north-1"}).s3.region == "eu-north-1"
    assert fetcher({"AWS_REGION": "eu-north-1", "ROWFERRY_S3__REGION": "eu-west-1"}).s3.region == "eu-west-1"


def test_keys_are_left_to_the_credential_chain():
    settings = fetcher({"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"})
    assert (settings.s3.access_key_id, settings.s3.secret_access_key) == ("", None)


def test_defaults_are_those_of_the_existing_deployment():
    settings = fetcher()
    assert {"pdf", "jpg", "jpeg", "png", "gif", "tiff", "csv", "xlsx"} <= set(settings.limits.types)
    assert settings.limits.max_bytes == 100 * 1024 * 1024
    assert settings.parsers.workers == 2
    assert settings.fetcher_group == "rowferry-file-fetcher"


def test_rules_come_as_objects_and_lists():
    settings = fetcher(
        {
            "ROWFERRY_S3__BUCKET_OF": '{"photos.*": "other"}',
            "ROWFERRY_URLS__HOSTS": "a.example.com,http://b:80 private",
            "ROWFERRY_RETRY__DELAYS_S": "[1, 2.5]",
        },
        ["--limits.max-bytes", "1000", "--project-columns", "site_id"],
    )
    assert settings.s3.bucket_of == {"photos.*": "other"}
    assert settings.urls.hosts == ["a.example.com", "http://b:80 private"]
    assert settings.retry.delays_s == [1, 2.5]
    assert (settings.limits.max_bytes, settings.project_columns) == (1000, ["site_id"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("S3__ENGINE", "curl"),
        ("PARSERS__MEMORY_BYTES", "5"),
        ("DOWNLOAD__CONNECTIONS", "0"),
        ("S3__ENDPOINT_URL", "x"),
        ("RETRY__DELAYS_S", str([1] * 256)),
    ],
)
def test_wrong_settings_are_named(name: str, value: str):
    with pytest.raises(SettingsError) as caught:
        fetcher({f"ROWFERRY_{name}": value})
    assert name.lower().replace("__", ".") in str(caught.value)
