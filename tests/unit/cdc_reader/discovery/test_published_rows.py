"""Which generated columns a publication leaves out, where the server minds (rule D5)."""

from __future__ import annotations

import pytest

from cdc_reader.discovery.catalog_rows import PublicationMember, PublicationRow
from cdc_reader.discovery.published_rows import unsent_columns
from schemas.names import TableName
from tests.unit.cdc_reader.discovery.catalogs import column, publication

COLUMNS = (
    column(1, "id", "bigint"),
    column(2, "twice", "bigint", generated="s"),
    column(3, "thrice", "bigint", generated="v"),
)
LISTED = PublicationMember(902, "751", 7, TableName("public", "t"), columns=("id", "twice"))


@pytest.mark.rule("D5")
@pytest.mark.parametrize(
    ("published", "expected"),
    [
        (None, ("twice", "thrice")),
        (publication((7, "t")), ("twice", "thrice")),
        (publication((7, "t"), generated_columns="s"), ("thrice",)),
        (publication(members=(LISTED,)), ("thrice",)),
        (
            publication(members=(PublicationMember(902, "751", 8, LISTED.relation, columns=("twice",)),)),
            ("twice", "thrice"),
        ),
    ],
    ids=["no publication", "none", "stored ones", "in a list of columns", "in the list of another"],
)
def test_d5_generated_columns_that_are_not_published_are_known(
    published: PublicationRow | None, expected: tuple[str, ...]
) -> None:
    assert unsent_columns(180000, published, 7, COLUMNS) == expected


@pytest.mark.rule("D5")
def test_d5_servers_before_18_mind_no_generated_column() -> None:
    assert unsent_columns(170009, None, 7, COLUMNS) == ()
