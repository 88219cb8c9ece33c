from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.errors import SettingsError
from schemas.names import TableName
from schemas.tables import Column
from tests.unit.vespa_sink.entries import RFIS, column, entry
from vespa_sink.documents.mapping import DocumentMapping, Roles, parse_mapping


def test_defaults_choose_columns_by_name() -> None:
    assert DocumentMapping().roles(RFIS) == Roles(
        title=("title",),
        content_text=("title", "question", "status"),
        project_id=("project_id",),
        created_at=("created_at",),
        updated_at=("updated_at",),
    )


def test_free_text_leaves_out_keys_references_files_and_json() -> None:
    table = entry(
        columns=(column("id", "uuid"), column("code", "text"), column("note"), column("owner", "uuid")),
        primary_key=("code",),
    )
    assert DocumentMapping().roles(table).content_text == ("note",)


def test_table_differs_from_the_defaults_only_where_it_says_so() -> None:
    mapping = parse_mapping(
        {
            "defaults": {"title": ["subject", "title"]},
            "tables": {"rfis": {"content_text": ["question", "gone"]}, "crm.people": {"title": "name"}},
        },
        "mapping.yaml",
    )
    roles = mapping.roles(RFIS)
    assert (roles.title, roles.content_text, roles.project_id) == (("title",), ("question",), ("project_id",))
    assert (mapping.tables or {})[TableName("crm", "people")].title == ("name",)


TIMES = {
    "timestamp": ("timestamp without time zone", ("created_at",)),
    "timestamp with zone, to the second": ("timestamp(0) with time zone", ("created_at",)),
    "date": ("date", ("created_at",)),
    "milliseconds since the epoch": ("bigint", ()),
    "seconds since the epoch": ("double precision", ()),
    "text": ("text", ()),
    "time of day": ("time without time zone", ()),
    "several": ("timestamp without time zone[]", ()),
}


@pytest.mark.parametrize(("pg_type", "columns"), TIMES.values(), ids=TIMES)
def test_times_come_from_columns_of_dates_and_timestamps_alone(pg_type: str, columns: tuple[str, ...]) -> None:
    table = entry(columns=(column("id", "bigint"), column("created_at", pg_type), column("changed", pg_type)))
    mapping = parse_mapping({"defaults": {"updated_at": "changed"}}, "mapping.yaml")
    roles = mapping.roles(table)
    assert (roles.created_at, roles.updated_at) == (columns, ("changed",) if columns else ())


def test_domains_are_looked_through() -> None:
    def of(name: str, base_type: str) -> Column:
        return replace(column(name, "a_domain"), base_type=base_type, base_type_oid=1)

    table = entry(
        columns=(
            column("id", "bigint"),
            of("body", "text"),
            of("created_at", "timestamp with time zone"),
            of("updated_at", "bigint"),
            column("untold", "a_domain"),
        )
    )
    roles = DocumentMapping().roles(table)
    assert (roles.content_text, roles.created_at, roles.updated_at) == (("body",), ("created_at",), ())


def test_empty_file_is_the_default_mapping() -> None:
    assert parse_mapping(None, "mapping.yaml").roles(RFIS) == DocumentMapping().roles(RFIS)


def test_every_problem_is_named_at_once() -> None:
    raw = {"defaults": {"titel": ["a"]}, "tables": {"rfis": {"title": {"a": 1}}, "rfas": ["x"]}, "extra": 1}
    with pytest.raises(SettingsError) as caught:
        parse_mapping(raw, "mapping.yaml")
    assert str(caught.value).splitlines() == [
        "mapping.yaml: mapping.yaml.extra: expected one of defaults, tables",
        "mapping.yaml: defaults.titel: expected one of content_text, created_at, project_id, title, updated_at",
        "mapping.yaml: tables.rfis.title: expected a column name or a list of them",
        "mapping.yaml: tables.rfas: expected names with values",
    ]


@pytest.mark.parametrize("raw", [[], "text", 7])
def test_file_that_is_no_mapping_is_refused(raw: object) -> None:
    with pytest.raises(SettingsError, match="expected names with values"):
        parse_mapping(raw, "mapping.yaml")
