"""
Which columns of a row make the fields that every document has: title, text, project and times.

A mapping file names columns by role, for all tables (`defaults`) and for single ones (`tables`):

    defaults:
      title: [title, name, subject]        # the first column that the row has a value in
      project_id: [project_id]
    tables:
      projects:
        project_id: [id]
        content_text: [description, scope]  # exactly these; by default the title and every column of free text

Domains are looked through. The times come from columns of dates and timestamps alone: the digits of a number or a text
may look like a date.

Leaves to others: reading the file, and making the document.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from schemas.errors import SettingsError
from schemas.file_references import is_text_like
from schemas.names import TableName
from schemas.tables import TableEntry

_TIME = re.compile(r"date|timestamp(?:\(\d\))? with(?:out)? time zone")


@dataclass(frozen=True, slots=True)
class Roles:
    """Column names by role, in order of preference; `content_text` None stands for every column of free text."""

    title: tuple[str, ...] = ("title", "name", "subject", "display_name", "full_name", "label", "number", "code")
    content_text: tuple[str, ...] | None = None
    project_id: tuple[str, ...] = ("project_id",)
    created_at: tuple[str, ...] = ("created_at", "created_on", "inserted_at", "created")
    updated_at: tuple[str, ...] = ("updated_at", "updated_on", "modified_at", "last_modified_at", "updated")


@dataclass(frozen=True, slots=True)
class DocumentMapping:
    """The roles for all tables, and for those that differ (by `schema.name`)."""

    defaults: Roles = Roles()
    tables: Mapping[TableName, Roles] | None = None

    def roles(self, table: TableEntry) -> Roles:
        """The roles of one table, with only the columns that it has and that fit, and `content_text` written out."""
        wished = (self.tables or {}).get(table.name, self.defaults)
        present = {column.name for column in table.columns}
        times = {column.name for column in table.columns if _TIME.fullmatch(column.values_type)}
        fitting = {"created_at": times, "updated_at": times}
        roles = Roles(
            **{
                role.name: tuple(
                    name for name in getattr(wished, role.name) or () if name in fitting.get(role.name, present)
                )
                for role in fields(Roles)
            }
        )
        return roles if wished.content_text is not None else replace(roles, content_text=_free_text(table, roles))


def parse_mapping(raw: object, origin: str) -> DocumentMapping:
    """The mapping in a parsed YAML file; raises `SettingsError` naming `origin` and every problem."""
    problems: list[str] = []
    sections = _section(raw, origin, {"defaults", "tables"}, problems)
    defaults = _roles(sections.get("defaults"), "defaults", Roles(), problems)
    tables: dict[TableName, Roles] = {}
    named = sections.get("tables") or {}
    if not isinstance(named, Mapping):
        problems.append("tables: expected names of tables, each with its columns by role, got something else")
        named = {}
    for name, roles in named.items():
        tables[_table_name(str(name))] = _roles(roles, f"tables.{name}", defaults, problems)
    if problems:
        raise SettingsError("\n".join(f"{origin}: {problem}" for problem in problems))
    return DocumentMapping(defaults, tables)


def _table_name(text: str) -> TableName:
    schema, dot, name = text.partition(".")
    return TableName(schema, name) if dot else TableName("public", text)


def _roles(raw: object, where: str, base: Roles, problems: list[str]) -> Roles:
    given = _section(raw, where, {role.name for role in fields(Roles)}, problems)
    chosen: dict[str, tuple[str, ...]] = {}
    for role, names in given.items():
        listed = [names] if isinstance(names, str) else names
        if isinstance(listed, list) and all(isinstance(name, str) for name in listed):
            chosen[role] = tuple(listed)
        else:
            problems.append(f"{where}.{role}: expected a column name or a list of them")
    return replace(base, **chosen)


def _section(raw: object, where: str, known: set[str], problems: list[str]) -> Mapping[str, Any]:
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        problems.append(f"{where}: expected names with values")
        return {}
    unknown = sorted(str(name) for name in raw if name not in known)
    problems.extend(f"{where}.{name}: expected one of {', '.join(sorted(known))}" for name in unknown)
    return {name: value for name, value in raw.items() if name in known}


def _free_text(table: TableEntry, roles: Roles) -> tuple[str, ...]:
    """The title's columns, then every column of text that is neither key nor reference nor file."""
    no_text = {file.column for file in table.file_columns} | set(table.primary_key)
    for edge in table.relationships:
        if edge.direction == "out":
            no_text.update(edge.column.split(","))
    titles = [name for name in roles.title if name not in no_text]
    free = (column.name for column in table.columns if is_text_like(column.values_type) and column.name not in no_text)
    return tuple(dict.fromkeys([*titles, *free]))
