"""Every breach of the project's shape is found: each finder on a text that holds one."""

from __future__ import annotations

import pytest

from tests.unit.shape import (
    CLIENTS,
    WORLD,
    case_names,
    circle,
    clocks,
    long_functions,
    uses,
    vague_names,
    wrong_imports,
)
from tests.unit.sources import Module


@pytest.mark.parametrize(
    ("name", "text", "line"),
    {
        "a contract that knows the runtime": (
            "schemas.x",
            "from cdc_runtime.settings.models import load",
            "schemas.x imports cdc_runtime",
        ),
        "the runtime that knows a service": (
            "cdc_runtime.x",
            "import cdc_reader.cli",
            "cdc_runtime.x imports cdc_reader",
        ),
        "a service that knows another": (
            "cdc_reader.x",
            "def f():\n    from vespa_sink.sink import Sink",
            "cdc_reader.x imports vespa_sink",
        ),
        "the product that knows its devstack": (
            "rowferry.x",
            "from devstack import kafka",
            "rowferry.x imports devstack",
        ),
        "the product that knows its tests": ("rowferry.x", "import tests.waiting", "rowferry.x imports tests"),
        "the product that knows its benchmarks": ("vespa_sink.x", "import bench", "vespa_sink.x imports bench"),
    }.values(),
)
def test_an_import_the_wrong_way_is_found(name, text, line):
    assert wrong_imports(Module.parse(name, text)) == [line]


@pytest.mark.parametrize(
    ("text", "used"),
    [
        ("import time", {"time"}),
        ("from os import environ", {"os"}),
        ("def f():\n    import socket", {"socket"}),
        ("from psycopg.rows import dict_row", {"psycopg"}),
        ("from http.server import HTTPServer", {"http"}),
        ("from urllib import request", {"urllib.request"}),
        ("from urllib.parse import quote", set()),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import psycopg", set()),
    ],
)
def test_what_a_module_touches_is_found(text, used):
    assert uses(Module.parse("schemas.x", text), CLIENTS | WORLD) == used


@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("from cdc_reader.postgres.replication import Stream\nStream()", ["Stream"]),
        ("from cdc_reader.postgres.replication import Stream\nStream.open()", ["Stream"]),
        ("from cdc_reader.postgres import replication\nreplication.open()", ["replication"]),
        ("from cdc_reader.postgres.replication import Payload\ndef f(batch: list[Payload]) -> None: ...", []),
        ("from cdc_reader.postgres.replication import Batch\nBatch(1)", []),
    ],
)
def test_a_call_into_an_edge_is_found(text, called):
    assert Module.parse("cdc_reader.x", text).calls_into({"cdc_reader.postgres.replication": {"Batch"}}) == called


@pytest.mark.parametrize("text", ["datetime.now(UTC)", "datetime.datetime.utcnow()", "date.today()"])
def test_a_clock_is_found(text):
    assert clocks(Module.parse("schemas.x", text))


def test_a_long_function_is_found():
    body = "\n".join(["    pass"] * 50)
    assert long_functions(Module.parse("schemas.x", f"def f():\n{body}")) == ["schemas.x.f has 51 lines"]


def test_vague_names_are_found():
    assert vague_names(Module.parse("schemas.utils", "class KeyManager: ...")) == [
        "schemas.utils",
        "schemas.utils.KeyManager",
    ]


def test_a_name_of_the_reference_case_is_found():
    assert case_names(Module.parse("schemas.x", "# for Procore's rows\nx = 'procore_record'")) == [
        "schemas.x says Procore",
        "schemas.x says procore_record",
    ]


@pytest.mark.parametrize(
    "back",
    [
        "from schemas.a import x",
        "from schemas import a",
        "import schemas.a",
        "def f():\n    from schemas.a import x",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from schemas.a import x",
    ],
)
def test_a_circle_is_found(back):
    texts = {"schemas.a": "from schemas.b import y", "schemas.b": "from schemas.c import z", "schemas.c": back}
    assert set(circle({name: Module.parse(name, text) for name, text in texts.items()})) == texts.keys()


def test_a_module_of_a_package_that_hands_its_names_on_is_no_circle():
    texts = {"schemas": "from schemas.b import y", "schemas.b": "from schemas import c", "schemas.c": "x = 1"}
    assert circle({name: Module.parse(name, text) for name, text in texts.items()}) == []
