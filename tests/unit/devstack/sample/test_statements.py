"""The statements of the workload."""

from __future__ import annotations

from devstack.sample import statements
from devstack.sample.rows import Sample, Size
from devstack.sample.statements import Statement

SAMPLE = Sample(Size(factor=0.1))


def test_insert_names_every_column_that_the_database_does_not_fill() -> None:
    found = statements.insert(SAMPLE, SAMPLE.table("activity_log"), 500, {"action": "x"})
    assert found.sql == (
        "INSERT INTO activity_log (id, user_id, project_id, action, origin, sequence) VALUES (%s, %s, %s, %s, %s, %s)"
    )
    assert found.parameters[0] == "501"
    assert found.parameters[3] == "x"


def test_insert_leaves_generated_columns_out() -> None:
    assert "total" not in statements.insert(SAMPLE, SAMPLE.table("budget_line_items"), 1).sql


def test_update_sets_a_group_of_columns_and_the_time() -> None:
    found = statements.update(SAMPLE, SAMPLE.table("payments"), ("3",), 7)
    assert found.sql == (
        "UPDATE payments SET project_id = %s, bank_reference = %s, updated_at = clock_timestamp() WHERE id = %s"
    )
    assert found.parameters[-1] == "3"


def test_update_never_touches_a_large_text() -> None:
    for name in ("specification_sections", "drawing_revisions", "correspondence"):
        table = SAMPLE.table(name)
        large = statements.large_column(table)
        assert large is not None
        assert large not in statements.updatable(table)


def test_large_text_is_replaced_by_another_large_one() -> None:
    table = SAMPLE.table("correspondence")
    first, second = (statements.update_large(table, ("k",), number).parameters[0] for number in (1, 2))
    assert first != second
    assert len(first or "") > 100_000


def test_composite_key_is_changed_by_all_its_columns() -> None:
    found = statements.change_key(SAMPLE.table("meeting_attendees"), ("1", "2"), ("3", "4"))
    assert found == Statement(
        "UPDATE meeting_attendees SET meeting_id = %s, user_id = %s WHERE meeting_id = %s AND user_id = %s",
        ("3", "4", "1", "2"),
    )


def test_row_is_deleted_by_its_key() -> None:
    found = statements.delete(SAMPLE.table("equipment"), ("EQ/2",))
    assert found == Statement("DELETE FROM equipment WHERE id = %s", ("EQ/2",))
