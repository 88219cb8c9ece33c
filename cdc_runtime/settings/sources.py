"""
The sources of settings as layers: dotted name -> value and where it came from.

Pure: takes texts and mappings, does not look at files or the environment. Leaves reading them and putting the
layers in order to `settings`, and the types of values to the models.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn, Union, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from schemas.errors import SettingsError, UsageError

VARIABLE_PREFIX = "ROWFERRY_"
CONFIG_FILE_VARIABLE = "ROWFERRY_CONFIG_FILE"
SECRETS_DIR_VARIABLE = "ROWFERRY_SECRETS_DIR"
_LOCATIONS = frozenset({CONFIG_FILE_VARIABLE, SECRETS_DIR_VARIABLE})
# Names of the deployment that this product takes over; the ROWFERRY_ names win.
LEGACY_VARIABLES = {
    "PROCORE_DATABASE_URL": "database_url",
    "VESPA_LOCAL_URL": "vespa.url",
    "LOG_LEVEL": "log.level",
    # The keys are read by boto3's own chain, which knows what belongs to them; of regions it knows another variable.
    "AWS_REGION": "s3.region",
}

_QUOTED_ADDRESS = re.compile(r"""'[^']*[:@/=][^']*'|"[^"]*[:@/=][^"]*"|(?<=unrecognized arguments: ).*""")


@dataclass(frozen=True, slots=True)
class Entry:
    """A value as a source gave it; YAML has values, the other sources texts still to be read."""

    value: object
    origin: str
    is_text: bool = True


@dataclass(frozen=True, slots=True)
class Layer:
    """All values of one source, by dotted name."""

    entries: Mapping[str, Entry] = field(default_factory=dict)

    def nested(self) -> dict[str, Any]:
        """The values as nested mappings, as pydantic takes them."""
        result: dict[str, Any] = {}
        for name, entry in self.entries.items():
            *groups, last = name.split(".")
            target = result
            for group in groups:
                target = target.setdefault(group, {})
            target[last] = entry.value
        return result


@dataclass(frozen=True, slots=True)
class Locations:
    """Where the flags say that files lie."""

    config: str | None
    secrets_dir: str | None


def group_of(info: FieldInfo) -> type[BaseModel] | None:
    """The model of a nested group; None for a single setting."""
    for candidate in (info.annotation, *get_args(info.annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def iter_settings(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every single setting of a model: dotted name and field, in order of declaration."""
    for name, info in model.model_fields.items():
        group = group_of(info)
        if group is None:
            yield prefix + name, info
        else:
            yield from iter_settings(group, f"{prefix}{name}.")


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    return VARIABLE_PREFIX + name.replace(".", "__").upper()


def flag_of(name: str) -> str:
    """The flag of a setting."""
    return "--" + name.replace("_", "-")


def refuse_unknown(layer: Layer, model: type[BaseModel], product: frozenset[str], problems: list[str]) -> Layer:
    """Keep what the model knows, with texts read by the kind of setting; report what no service knows."""
    known = dict(iter_settings(model))
    kept: dict[str, Entry] = {}
    for name, entry in layer.entries.items():
        info = known.get(name)
        if info is not None:
            kept[name] = Entry(_structured(entry.value, info), entry.origin) if entry.is_text else entry
        elif _is_group(name, known):
            # A section with nothing in it is no problem.
            if entry.value is not None:
                found = kind_of(entry.value)
                problems.append(f"{name}: expected a group of settings, got {found} (from {entry.origin})")
        elif not _belongs_to(name, product):
            problems.append(f"{name}: expected a known setting{_meant(name, known)} (from {entry.origin})")
    return Layer(kept)


def _belongs_to(name: str, product: frozenset[str]) -> bool:
    """Another service's setting, a group of them, or an entry of a mapping."""
    parts = name.split(".")
    within = any(".".join(parts[:size]) in product for size in range(1, len(parts) + 1))
    return within or any(other.startswith(name + ".") for other in product)


def _is_group(name: str, known: Mapping[str, FieldInfo]) -> bool:
    return any(other.startswith(name + ".") for other in known)


def _meant(name: str, known: Mapping[str, object]) -> str:
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    return f", did you mean {close[0]}?" if close else ""


def without_addresses(message: str) -> str:
    """A message of argparse, which quotes what it was given: that may be an address with a password in it."""
    return _QUOTED_ADDRESS.sub("something else", message)


def kind_of(value: object) -> str:
    """What kind of thing a value is; never the value."""
    names = {bool: "true or false", int: "a number", float: "a number", str: "a string", list: "a list"}
    names |= {dict: "a mapping", type(None): "nothing"}
    return names.get(type(value), "something else")


def container_of(info: FieldInfo) -> type | None:
    """`list` or `dict` when the setting holds several values."""
    candidates = get_args(info.annotation) if get_origin(info.annotation) is Union else (info.annotation,)
    for candidate in (*candidates, *get_args(info.annotation)):
        origin = get_origin(candidate) or candidate
        if origin in (list, tuple, set, frozenset, Sequence):
            return list
        if origin in (dict, Mapping):
            return dict
    return None


def _structured(value: object, info: FieldInfo) -> object:
    """Read a text (or the texts after a flag) as the list or mapping that the setting holds."""
    container = container_of(info)
    texts = [text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]
    if container is None or not texts or (isinstance(value, list) and len(texts) < len(value)):
        return value
    if len(texts) == 1 and texts[0].lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(texts[0])
        except ValueError:
            return value
    items = [item.strip() for text in texts for item in text.split(",") if item.strip()]
    if container is list:
        return items
    pairs = [item.partition("=") for item in items]
    return {key.strip(): text.strip() for key, sign, text in pairs} if all(sign for _, sign, _ in pairs) else value


def environment_layer(environ: Mapping[str, str]) -> Layer:
    """All variables of the product; an empty one counts as not set."""
    return Layer(
        {
            variable.removeprefix(VARIABLE_PREFIX).lower().replace("__", "."): Entry(text, f"environment {variable}")
            for variable, text in environ.items()
            if variable.startswith(VARIABLE_PREFIX) and variable not in _LOCATIONS and text
        }
    )


def legacy_layer(environ: Mapping[str, str], model: type[BaseModel], legacy: Mapping[str, str]) -> Layer:
    """Variables under their old names, for the settings that the model has."""
    known = dict(iter_settings(model))
    return Layer(
        {
            name: Entry(environ[variable], f"environment {variable}")
            for variable, name in legacy.items()
            if name in known and environ.get(variable)
        }
    )


def secrets_layer(texts: Mapping[str, str], files: Mapping[str, Path]) -> Layer:
    """The contents of secret files, by dotted name."""
    return Layer({name: Entry(text, f"secret file {files[name].name}") for name, text in texts.items()})


def yaml_layer(model: type[BaseModel], text: str, filename: str) -> Layer:
    """The settings in a YAML text, each with its line; raises `SettingsError` when it is not a YAML mapping."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as exc:
        # Its own message may quote the text, and so a secret.
        mark = getattr(exc, "problem_mark", None)
        raise SettingsError(f"expected YAML in {filename}, got something else{_place(mark)}") from None
    entries: dict[str, Entry] = {}
    if root is None:
        return Layer(entries)
    if not isinstance(root, yaml.MappingNode):
        raise SettingsError(f"expected a mapping of settings in {filename}, got something else at line 1")
    _flatten(root, model, "", filename, entries)
    return Layer(entries)


def _place(mark: Any) -> str:  # noqa: ANN401
    return f" at line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""


def _flatten(
    node: yaml.MappingNode, model: type[BaseModel] | None, prefix: str, filename: str, entries: dict[str, Entry]
) -> None:
    for key_node, value_node in node.value:
        origin = f"{filename}:{key_node.start_mark.line + 1}"
        name = prefix + str(key_node.value)
        if name in entries or any(other.startswith(name + ".") for other in entries):
            raise SettingsError(f"{name}: expected once, got twice (from {origin})")
        info = model.model_fields.get(str(key_node.value)) if model is not None else None
        group = group_of(info) if info is not None else None
        if isinstance(value_node, yaml.MappingNode) and value_node.value and (info is None or group is not None):
            _flatten(value_node, group, name + ".", filename, entries)
        else:
            entries[name] = Entry(_constructed(value_node, name, origin), origin, is_text=False)


def _constructed(node: yaml.Node, name: str, origin: str) -> object:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node, deep=True)
    except yaml.YAMLError:
        raise SettingsError(f"{name}: expected a plain YAML value (from {origin})") from None
    finally:
        loader.dispose()


class UsageParser(argparse.ArgumentParser):
    """Raises `UsageError` where argparse prints and exits."""

    def error(self, message: str) -> NoReturn:
        """Argparse calls this for whatever it cannot take."""
        raise UsageError(without_addresses(message))


def settings_parser(model: type[BaseModel], prog: str | None = None) -> argparse.ArgumentParser:
    """A parser with one flag per setting; texts are kept as they are, types are the model's matter."""
    parser = UsageParser(prog=prog, allow_abbrev=False, description=(model.__doc__ or "").strip().split("\n")[0])
    parser.add_argument("--config", metavar="FILE", help=f"YAML file of settings ({CONFIG_FILE_VARIABLE})")
    parser.add_argument("--secrets-dir", metavar="DIR", help=f"directory of secret files ({SECRETS_DIR_VARIABLE})")
    for name, info in iter_settings(model):
        options: dict[str, Any] = {"dest": f"setting {name}", "metavar": "VALUE"}
        if container_of(info) is not None:
            options["nargs"] = "*"
        elif info.annotation is bool:
            options |= {"nargs": "?", "const": "true"}
        parser.add_argument(flag_of(name), help=(info.description or "").replace("%", "%%"), **options)
    return parser


def flags_layer(model: type[BaseModel], argv: Sequence[str], prog: str | None = None) -> tuple[Layer, Locations]:
    """The settings given as flags; raises `UsageError` for a flag that is not known or has no value."""
    parser = settings_parser(model, prog)
    found, rest = parser.parse_known_args(list(argv))
    if rest:
        flag = rest[0].split("=", 1)[0]
        if not flag.startswith("--"):
            raise UsageError(f"expected flags only, got an argument at place {list(argv).index(rest[0]) + 1}")
        flags = [flag_of(name) for name, _ in iter_settings(model)]
        close = get_close_matches(flag, flags, n=1)
        raise UsageError(f"expected a known flag, got {flag!r}" + (f", did you mean {close[0]}?" if close else ""))
    entries = {}
    for name, _ in iter_settings(model):
        value = getattr(found, f"setting {name}")
        if value is not None:
            entries[name] = Entry(value, f"flag {flag_of(name)}")
    return Layer(entries), Locations(found.config, found.secrets_dir)
