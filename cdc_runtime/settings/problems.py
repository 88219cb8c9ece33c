"""
Words for settings that are wrong: what was expected, what kind of thing came, where it came from.

Pure. Values are never repeated: a mistyped secret must not reach a log.
"""

from __future__ import annotations

import enum
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from cdc_runtime.settings.sources import Layer, flag_of, iter_settings, kind_of, variable_of


@dataclass(frozen=True, slots=True)
class Expected:
    """Put into `Annotated[...]`: how the expected value is described where the type does not say it."""

    words: str


_TOO_MUCH = {"greater_than": "a smaller number", "greater_than_equal": "a smaller number"}
_TOO_MUCH |= {"less_than": "a larger number", "less_than_equal": "a larger number"}
_GOT = _TOO_MUCH | {"string_too_short": "a shorter text", "string_too_long": "a longer text"}
_GOT |= {"string_pattern_mismatch": "another text", "literal_error": "something else", "enum": "something else"}
_GOT |= {"too_short": "fewer items", "too_long": "more items", "finite_number": "another number"}


def problems_of(exc: ValidationError, model: type[BaseModel], layers: Sequence[Layer]) -> list[str]:
    """One line per wrong setting, in order of declaration."""
    known = dict(iter_settings(model))
    lines: dict[str, str] = {}
    for error in exc.errors(include_url=False, include_input=True):
        name = _setting_name(error["loc"], known)
        if name not in lines:
            lines[name] = _line(name, error, known.get(name), _origin(name, layers))
    order = list(known)
    return [lines[name] for name in sorted(lines, key=lambda name: order.index(name) if name in known else -1)]


def _setting_name(loc: Iterable[int | str], known: Mapping[str, FieldInfo]) -> str:
    parts = [str(part) for part in loc]
    for size in range(len(parts), 0, -1):
        if ".".join(parts[:size]) in known:
            return ".".join(parts[:size])
    return ".".join(parts)


def _origin(name: str, layers: Sequence[Layer]) -> str | None:
    for layer in layers:
        if name in layer.entries:
            return layer.entries[name].origin
    return None


def _line(name: str, error: Mapping[str, Any], info: FieldInfo | None, origin: str | None) -> str:
    expected = expectation(info) if info is not None else "a group of settings"
    if error["type"] == "missing":
        if info is None:
            return f"{name}: expected {expected}, got nothing"
        return f"{name}: expected {expected}, got nothing (set {variable_of(name)} or {flag_of(name)})"
    if error["type"] in ("value_error", "assertion_error"):
        # Raised by a validator of ours, whose messages hold no values.
        text = f"{name}: {error.get('ctx', {}).get('error', 'expected ' + expected)}"
    else:
        text = f"{name}: expected {expected}, got {_GOT.get(error['type'], kind_of(error['input']))}"
    return f"{text} (from {origin or 'default'})"


def expectation(info: FieldInfo) -> str:
    """Describe what a setting takes: `a whole number from 1 to 1000`."""
    return _described(info.annotation, info.metadata)


def _described(annotation: Any, metadata: Sequence[object] = ()) -> str:  # noqa: ANN401
    for item in metadata:
        if isinstance(item, Expected):
            return item.words
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _described(arguments[0], (*metadata, *arguments[1:]))
    if origin in (Union, types.UnionType):
        present = [argument for argument in arguments if argument is not type(None)]
        return " or ".join(dict.fromkeys(_described(argument, metadata) for argument in present))
    if origin is Literal:
        return f"one of {', '.join(map(str, arguments))}"
    if origin in (dict, Mapping):
        return "a mapping of names to values"
    if origin in (list, tuple, set, frozenset, Sequence):
        return "a list of " + _plural(_described(arguments[0]))
    return _plain(annotation, metadata)


def _plain(annotation: Any, metadata: Sequence[object]) -> str:  # noqa: ANN401
    if not isinstance(annotation, type):
        return "another value"
    if issubclass(annotation, enum.Enum):
        return f"one of {', '.join(str(member.value) for member in annotation)}"
    if annotation is bool:
        return "true or false"
    if annotation is int:
        return "a whole number" + _bounds(metadata)
    if annotation is float:
        return "a number" + _bounds(metadata)
    if issubclass(annotation, SecretStr):
        return "a secret text"
    if issubclass(annotation, Path):
        return "a path"
    if issubclass(annotation, str):
        return _text(metadata)
    return f"a {annotation.__name__}"


def _text(metadata: Sequence[object]) -> str:
    for item in metadata:
        pattern = getattr(item, "pattern", None)
        if pattern is not None:
            return f"a text that matches {pattern}"
    return "a text that is not empty" if any(isinstance(item, MinLen) for item in metadata) else "a text"


def _bounds(metadata: Sequence[object]) -> str:
    least = next((item.ge for item in metadata if isinstance(item, Ge)), None)
    above = next((item.gt for item in metadata if isinstance(item, Gt)), None)
    most = next((item.le for item in metadata if isinstance(item, Le)), None)
    below = next((item.lt for item in metadata if isinstance(item, Lt)), None)
    if least is not None and most is not None:
        return f" from {least} to {most}"
    words = [(" of at least ", least), (" above ", above), (" up to ", most), (" below ", below)]
    return " and".join(f"{word}{bound}" for word, bound in words if bound is not None)


def _plural(words: str) -> str:
    return {"a text": "texts", "a whole number": "whole numbers", "a path": "paths"}.get(words, f"values, each {words}")
