"""The reference of settings, made from the models: pure text, so that documentation cannot drift from code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from cdc_runtime.settings.problems import expectation
from cdc_runtime.settings.sources import LEGACY_VARIABLES, flag_of, iter_settings, variable_of


def settings_reference(models: Mapping[str, type[BaseModel]]) -> str:
    """Markdown: one section per service (title -> model), one row per setting."""
    return "\n".join(_section(title, model) for title, model in models.items())


def _section(title: str, model: type[BaseModel]) -> str:
    legacy = {name: variable for variable, name in LEGACY_VARIABLES.items()}
    lines = [
        f"## {title}",
        "",
        "| setting | environment | flag | takes | default | meaning |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, info in iter_settings(model):
        variable = f"`{variable_of(name)}`" + (f", `{legacy[name]}`" if name in legacy else "")
        cells = [f"`{name}`", variable, f"`{flag_of(name)}`", expectation(info), _default(info), info.description or ""]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([*lines, ""])


def _default(info: FieldInfo) -> str:
    if info.default is PydanticUndefined and info.default_factory is None:
        return "required"
    value = info.get_default(call_default_factory=True, validated_data={})
    if value is None or isinstance(value, SecretStr) or value in ((), [], {}):
        return "none"
    return f"`{value}`"


def names_module_body(models: Iterable[type[BaseModel]]) -> str:
    """The lines of `settings_names.PRODUCT_SETTINGS`, for all services."""
    names = sorted({name for model in models for name, _ in iter_settings(model)})
    return "".join(f'        "{name}",\n' for name in names)
