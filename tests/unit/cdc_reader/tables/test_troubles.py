"""What is set aside for something that was met, and when it is tried again (rule D8)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cdc_reader.discovery.catalog_rows import SetAside
from cdc_reader.tables.topic_names import topic_of, with_names_checked
from cdc_reader.tables.troubles import Troubles, with_troubles
from schemas.names import TableName
from schemas.topics import Topics
from tests.unit.cdc_reader.discovery.catalogs import catalog, table

pytestmark = pytest.mark.rule("D8")
ITEMS, OTHERS = TableName("public", "items"), TableName("public", "others")
LOCKED = SetAside("it is locked", "")
KINDS = {"id": "bigint"}


def test_d8_trouble_is_tried_again_after_growing_pauses_until_it_has_passed() -> None:
    troubles, now, pauses = Troubles(), 100.0, []
    for _ in range(8):
        troubles.met(ITEMS, LOCKED, now)
        assert troubles.waiting(now) == {ITEMS: LOCKED}
        assert troubles.due(now) is None
        begun = now
        while troubles.due(now) is None:
            now += 10
        pauses.append(now - begun)
        assert troubles.due(now) == "public.items is tried again"
        assert troubles.waiting(now) == {}
    assert pauses == [10, 20, 40, 80, 160, 320, 600, 600]
    troubles.over(catalog(table(1, "items", KINDS)), (), ())
    assert troubles.due(now + 10_000) is None
    troubles.met(ITEMS, LOCKED, now)
    assert troubles.due(now + 10) is not None, "a new trouble begins anew"


def test_d8_what_the_catalog_sets_aside_keeps_its_reason() -> None:
    rights = SetAside("no right", "")
    found = with_troubles(
        catalog(replace(table(1, "items", KINDS), set_aside=rights), table(2, "others", KINDS)),
        {ITEMS: LOCKED, OTHERS: LOCKED},
    )
    assert [each.set_aside for each in found.tables] == [rights, LOCKED]


def reasons(*names: TableName, existing: tuple[str, ...] = ()) -> list[str | None]:
    tables = [table(at, "items", KINDS) for at, _ in enumerate(names)]
    tables = [
        replace(each, relation=replace(each.relation, name=name)) for each, name in zip(tables, names, strict=True)
    ]
    checked = with_names_checked(catalog(*tables), Topics("cdc"), existing)
    return [each.set_aside and each.set_aside.reason for each in checked.tables]


def test_d8_name_that_is_too_long_for_a_topic_sets_its_table_aside() -> None:
    long = TableName("public", "ä" * 42)
    assert reasons(ITEMS, long) == [
        None,
        "the name of its topic would be longer than the 249 characters that Kafka allows",
    ]
    assert (topic_of(Topics("cdc"), ITEMS), topic_of(Topics("cdc"), long)) == ("cdc.public.items", "")


ALIKE = TableName("app", "user_roles"), TableName("app_user", "roles")


def test_d8_two_topics_that_are_one_for_kafka_set_the_second_table_aside() -> None:
    [first, second] = reasons(*ALIKE)
    assert first is None
    assert second is not None
    assert "'cdc.app_user.roles' and the topic 'cdc.app.user_roles' are one for Kafka" in second
    assert [each is None for each in reasons(*ALIKE, existing=("cdc.app_user.roles",))] == [False, True]
    assert reasons(*ALIKE, existing=("cdc.app_user.roles", "cdc.app.user_roles")) == [None, None], "they exist already"
    assert reasons(ITEMS, existing=("cdc_public.items",))[0] is not None, "a topic of somebody else"
