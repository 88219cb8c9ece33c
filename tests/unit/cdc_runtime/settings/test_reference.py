"""The reference made from the models, and the list of names that services share."""

from __future__ import annotations

import importlib
import inspect
from importlib.util import find_spec

from pydantic import Field

from cdc_runtime.settings.models import LoadedSettings, ServiceSettings
from cdc_runtime.settings.product_names import PRODUCT_SETTINGS
from cdc_runtime.settings.reference import names_module_body, settings_reference
from cdc_runtime.settings.sources import iter_settings

PACKAGES = ("cdc_runtime", "cdc_reader", "vespa_sink", "file_fetcher", "rowferry")


class OneSetting(LoadedSettings):
    database_url: str | None = Field(None, description="The database | as a URL.")


def product_models():
    for package in PACKAGES:
        if find_spec(package) is None or find_spec(f"{package}.settings") is None:
            continue
        for _, model in inspect.getmembers(importlib.import_module(f"{package}.settings"), inspect.isclass):
            if issubclass(model, LoadedSettings):
                yield model


def test_the_reference_has_a_row_per_setting():
    assert settings_reference({"sample": OneSetting}) == (
        "## sample\n"
        "\n"
        "| setting | environment | flag | takes | default | meaning |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| `database_url` | `ROWFERRY_DATABASE_URL`, `PROCORE_DATABASE_URL` | `--database-url` | a text | none |"
        " The database \\| as a URL. |\n"
    )


def test_nested_settings_have_dotted_names_in_order():
    assert [name for name, _ in iter_settings(ServiceSettings)] == [
        "log.level",
        "log.format",
        "http.host",
        "http.port",
        "kafka.bootstrap_servers",
        "kafka.prefix",
        "kafka.client",
        "kafka.sasl_password",
        "kafka.replication_factor",
        "kafka.partitions",
        "start_timeout_s",
        "neighbour_timeout_s",
        "stop_timeout_s",
    ]


def test_every_setting_of_the_product_is_described():
    for model in product_models():
        for name, info in iter_settings(model):
            assert info.description, f"{model.__name__}.{name} has no description"


def test_the_shared_list_holds_exactly_the_settings_of_the_product():
    body = names_module_body(product_models())
    wanted = {line.strip().strip('",') for line in body.splitlines()}
    assert wanted == PRODUCT_SETTINGS, f"cdc_runtime/settings/product_names.py should hold:\n{body}"
