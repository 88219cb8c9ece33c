from __future__ import annotations

import pytest

from cdc_runtime.pipeline_names import name_to_use, others_in_group, own_name, own_sql_name
from schemas.errors import SettingsError

pytestmark = pytest.mark.rule("D7")


def test_d7_names_carry_the_prefix_but_for_the_plain_one() -> None:
    assert own_name("rowferry-vespa-sink", "cdc") == "rowferry-vespa-sink"
    assert own_name("rowferry-vespa-sink", "crm") == "rowferry-vespa-sink-crm"


SQL_NAMES = {
    "plain": ("cdc", "rowferry"),
    "a word": ("crm_2", "rowferry_crm_2"),
    "capitals and a hyphen": ("Crm-EU", "rowferry_crm_eu_df4bd8ee"),
    "a hyphen": ("crm-eu", "rowferry_crm_eu_aec97f1b"),
    "just short enough": ("p" * 54, "rowferry_" + "p" * 54),
    "too long": ("p" * 55, "rowferry_" + "p" * 45 + "_5a7b6ea1"),
}


@pytest.mark.parametrize(("prefix", "name"), SQL_NAMES.values(), ids=SQL_NAMES)
def test_d7_slot_and_publication_carry_the_prefix_as_postgres_allows_it(prefix: str, name: str) -> None:
    assert own_sql_name("rowferry", prefix) == name


@pytest.mark.parametrize(
    ("used", "name"),
    [((), "own"), (("own",), "own"), (("plain",), "plain"), (("own", "plain"), "own")],
    ids=["first start", "its own", "from before", "both"],
)
def test_d7_pipeline_goes_on_with_the_name_that_it_ran_under_before(used: tuple[str, ...], name: str) -> None:
    assert name_to_use("own", "plain", used) == name


def test_d7_group_with_positions_of_another_pipeline_alone_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"'crm', got one with positions of 'cdc', 'x'$"):
        others_in_group(
            "g", "group", "crm", ["cdc.public.rows", "cdc._tables", "x.public.rows"], bootstrap_servers="k:1"
        )


def test_d7_group_that_two_pipelines_share_already_is_told() -> None:
    assert (
        others_in_group("g", "group", "crm", ["cdc.public.rows", "crm.public.rows"], bootstrap_servers="k:1") == "'cdc'"
    )
    assert others_in_group("g", "group", "crm", ["crm.public.rows"], bootstrap_servers="k:1") is None
    assert others_in_group("g", "group", "crm", [], bootstrap_servers="k:1") is None
