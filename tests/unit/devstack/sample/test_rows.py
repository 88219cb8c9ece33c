"""What holds for the rows of every sample: repeatable, unique keys, references that meet a row, edge cases."""

from __future__ import annotations

import pytest

from devstack.sample.rows import Row, Sample, Size
from devstack.sample.tables import ALL, CAPTURED


def by_column(sample: Sample, name: str, row: Row) -> dict[str, str | None]:
    return dict(zip((column.name for column in sample.table(name).stored_columns), row, strict=True))


@pytest.fixture(scope="module", params=[0.001, 0.02, 0.3])
def sample(request: pytest.FixtureRequest) -> Sample:
    return Sample(Size(seed=7, factor=request.param))


def test_row_of_seed_one_is_known() -> None:
    assert Sample(Size(seed=1)).row("specification_sections", 20)[:7] == (
        "17849c8b-0494-4887-ac36-395308298eaa",
        "34",
        "15",
        "25 30 00",
        "4",
        "296726",
        "Clarify precast trench at grid A-1",
    )


def test_row_does_not_depend_on_the_rows_made_before() -> None:
    one, other = Sample(Size(seed=3)), Sample(Size(seed=3))
    backwards = [one.row("photos", number) for number in (50, 7, 0)]
    assert backwards == [list(other.rows("photos"))[number] for number in (50, 7, 0)]


def test_another_seed_gives_other_rows() -> None:
    assert Sample(Size(seed=1)).row("rfis", 40) != Sample(Size(seed=2)).row("rfis", 40)


@pytest.mark.parametrize(
    ("factor", "projects", "photos", "members"), [(0.0001, 1, 1, 1), (0.02, 1, 153, 8), (1, 31, 7631, 640)]
)
def test_factor_scales_every_table(factor: float, projects: int, photos: int, members: int) -> None:
    sample = Sample(Size(factor=factor))
    assert sample.count("projects") == projects
    assert sample.count("photos") == photos
    # At most one for each pair of project and user.
    assert sample.count("project_members") == members


def test_primary_keys_are_unique(sample: Sample) -> None:
    for table in ALL:
        keys = [sample.key(table.name, number) for number in range(sample.count(table.name))]
        assert len(set(keys)) == len(keys), table.name


def test_references_meet_a_row(sample: Sample) -> None:
    keys = {table.name: {sample.key(table.name, n) for n in range(sample.count(table.name))} for table in ALL}
    for table in CAPTURED:
        for row in sample.rows(table.name):
            values = by_column(sample, table.name, row)
            for reference in table.foreign_keys:
                found = tuple(values[name] for name in reference.columns)
                assert None in found or found in keys[reference.target], (table.name, reference)


def test_required_columns_are_never_null(sample: Sample) -> None:
    for table in ALL:
        required = {c.name for c in table.stored_columns if not c.nulls_percent and None not in c.rare}
        for number, row in enumerate(sample.rows(table.name)):
            values = by_column(sample, table.name, row)
            nulls = {name for name in required if values[name] is None}
            assert not nulls, (table.name, number)


def test_parents_form_a_tree() -> None:
    sample = Sample(Size(factor=0.1))
    for number, row in enumerate(sample.rows("locations")):
        parent = by_column(sample, "locations", row)["parent_id"]
        assert parent is None or int(parent) < number + 1


EDGES = {
    "NaN real": ("drawing_revisions", "scale", "NaN"),
    "negative zero": ("drawing_revisions", "scale", "-0"),
    "infinite double": ("photos", "latitude", "-Infinity"),
    "NaN numeric": ("rfis", "cost_impact", "NaN"),
    "infinite timestamp": ("tasks", "starts_at", "infinity"),
    "timestamp before Christ": ("tasks", "starts_at", "0044-03-15 00:00:00 BC"),
    "infinite date": ("tasks", "due_on", "infinity"),
    "date before Christ": ("vendor_insurances", "effective_on", "0044-03-15 BC"),
    "empty text": ("photos", "description", ""),
    "control characters": ("photos", "description", "control \x01 and \x1f and \x7f and \x85 characters"),
    "null in an array": ("photos", "tags", '{NULL,"NULL","",é,"a b"}'),
    "json null": ("submittals", "custom_fields", "null"),
    "null in a map": ("rfis", "attachment_s3_keys", '{"7": null}'),
}


@pytest.mark.parametrize(("table", "column", "value"), EDGES.values(), ids=EDGES)
def test_edge_case_is_in_the_small_sample_too(table: str, column: str, value: str) -> None:
    sample = Sample(Size(factor=0.02))
    assert value in {by_column(sample, table, row)[column] for row in sample.rows(table)}


@pytest.mark.parametrize(
    ("name", "column", "count"),
    [("specification_sections", "body", 10), ("correspondence", "body", 5), ("drawing_revisions", "ocr_text", 6)],
)
def test_a_few_texts_are_hundreds_of_kilobytes_long(name: str, column: str, count: int) -> None:
    sample = Sample(Size())
    sizes = [len(by_column(sample, name, row)[column] or "") for row in sample.rows(name)]
    large = [size for size in sizes if size >= 50_000]
    assert len(large) == count
    assert 100_000 <= min(large) <= max(large) <= 305_000


@pytest.mark.parametrize("name", ["specification_sections", "correspondence", "drawing_revisions"])
def test_small_sample_has_a_large_text_in_each_of_their_tables(name: str) -> None:
    sample = Sample(Size(factor=0.02))
    assert max(len(value or "") for row in sample.rows(name) for value in row) >= 100_000


def test_keys_of_some_tables_begin_below_one_or_far_above() -> None:
    sample = Sample(Size())
    firsts = {name: sample.key(name, 0) for name in ("trades", "drawing_areas", "photos")}
    assert firsts == {"trades": ("-1",), "drawing_areas": ("0",), "photos": ("562949953421313",)}


def test_text_keys_hold_characters_that_must_be_escaped() -> None:
    sample = Sample(Size())
    keys = "".join(sample.key("equipment", number)[0] for number in range(10))
    assert set("/,% é\\'\"重&#?") <= set(keys)
