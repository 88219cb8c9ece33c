"""
Every setting of every service is read by code, and changed by at least one test.

Both are looked for in the syntax trees, from a list that is made of the models. Read: an attribute of that name in
the service or the runtime, or its whole group handed on. Changed: its variable, flag or dotted name in a test, or
its keyword where a test makes settings.
"""

from __future__ import annotations

import ast
import functools

import pytest

from cdc_reader.settings import ReaderSettings
from cdc_runtime.settings.models import LoadedSettings
from cdc_runtime.settings.sources import flag_of, iter_settings, variable_of
from rowferry.settings import OperatorSettings
from tests.unit.sources import Module, modules
from vespa_sink.settings import SinkSettings

MODELS = {"cdc_reader": ReaderSettings, "vespa_sink": SinkSettings, "rowferry": OperatorSettings}
# Modules of the reader that settings are handed to whole.
HANDED_ON = {"rowferry": ("cdc_reader.discovery.selection",)}
# These list settings without changing any.
LISTS = {
    "tests.unit.test_settings_coverage",
    "tests.unit.test_architecture",
    "tests.unit.cdc_runtime.test_settings_docs",
}


@pytest.mark.parametrize(("package", "model"), MODELS.items(), ids=MODELS)
def test_every_setting_is_read_by_code(package: str, model: type[LoadedSettings]):
    reads = reads_of(package)
    assert [name for name, _ in iter_settings(model) if not is_read(name, reads)] == []


@pytest.mark.parametrize(("package", "model"), MODELS.items(), ids=MODELS)
def test_every_setting_is_changed_by_a_test(package: str, model: type[LoadedSettings]):
    changes = changes_in_tests()
    assert [name for name, _ in iter_settings(model) if not is_changed(name, changes)] == []


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("settings.commit.max_rows", True),
        ("commit.max_rows", True),
        ("settings.secret('max_rows')", True),
        ("settings.secret_reader('commit.max_rows')", True),
        ("Limits(**settings.commit.model_dump())", True),
        ("settings.commit", False),
        ("max_rows = 3", False),
        ("settings.commit.max_rows = 3", False),
    ],
)
def test_reading_is_told_from_naming(text: str, read: bool):
    assert is_read("commit.max_rows", reads_in(Module.parse("x", text))) is read


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("CommitSettings(max_rows=1)", True),
        ("main(['--commit.max-rows', '1'])", True),
        ("main(['--commit.max-rows=1'])", True),
        ("reader({'COMMIT__MAX_ROWS': '1'})", True),
        ("reader(COMMIT__MAX_ROWS=1)", True),
        ("reader(commit__max_rows=1)", True),
        ("make_reader(max_rows=1)", True),
        ("monkeypatch.setenv('ROWFERRY_COMMIT__MAX_ROWS', '1')", True),
        ("write({'commit.max_rows': 1})", True),
        ("feed(max_rows=1)", False),
        ("assert settings.commit.max_rows == 20_000", False),
    ],
)
def test_a_change_is_told_from_a_look(text: str, changed: bool):
    assert is_changed("commit.max_rows", changes_in(Module.parse("tests.x", text))) is changed


def reads_of(package: str) -> set[str]:
    code = [module for name, module in modules(package, "cdc_runtime").items() if not name.endswith(".settings")]
    code += [modules("cdc_reader")[name] for name in HANDED_ON.get(package, ())]
    return set().union(*map(reads_in, code), reads_in(modules("cdc_runtime")["cdc_runtime.settings.models"]))


def reads_in(module: Module) -> set[str]:
    """Names of attributes that are read, secrets by name, and `group.*` for groups that are handed on."""
    found = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            found.add(node.attr)
            if node.attr == "model_dump" and isinstance(node.value, ast.Attribute):
                found.add(f"{node.value.attr}.*")
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith((".secret", ".secret_reader")):
            found |= {str(item.value) for item in node.args if isinstance(item, ast.Constant)}
    return found


def is_read(name: str, reads: set[str]) -> bool:
    group, _, last = name.rpartition(".")
    return bool({name, last, f"{group.rpartition('.')[2]}.*"} & reads)


@functools.cache
def changes_in_tests() -> frozenset[str]:
    return frozenset().union(*(changes_in(module) for name, module in modules("tests").items() if name not in LISTS))


def changes_in(module: Module) -> frozenset[str]:
    """Texts without the value behind a flag's `=`, keywords in capitals, and `keyword=` where settings are made."""
    found = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value.partition("=")[0])
        elif isinstance(node, ast.Call):
            keywords = {keyword.arg for keyword in node.keywords if keyword.arg}
            found |= {keyword.upper() for keyword in keywords if keyword.isupper() or "__" in keyword}
            made = ast.unparse(node.func)
            if made.endswith("Settings") or made.startswith("make_"):
                found |= {f"{keyword}=" for keyword in keywords}
    return frozenset(found)


def is_changed(name: str, changes: frozenset[str]) -> bool:
    variable, flag = variable_of(name), flag_of(name)
    forms = {name, f"{name.rpartition('.')[2]}=", variable, variable.removeprefix("ROWFERRY_"), flag, flag.lstrip("-")}
    return bool(forms & changes)
