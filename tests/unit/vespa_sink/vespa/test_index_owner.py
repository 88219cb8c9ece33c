from __future__ import annotations

from typing import Any

import pytest

from vespa_sink.vespa.index_owner import foreign_prefix


def _hits(*prefixes: str) -> dict[str, Any]:
    return {"root": {"children": [{"fields": {"prefix": prefix}} for prefix in prefixes]}}


@pytest.mark.rule("D7")
@pytest.mark.parametrize(
    ("answer", "other"),
    [
        ({"root": {}}, None),
        ({}, None),
        (_hits("cdc", "cdc"), None),
        (_hits("cdc", "crm"), "crm"),
        ({"root": {"children": [{}, {"fields": {}}]}}, None),
    ],
    ids=["empty", "no answer", "ours", "another's", "without prefix"],
)
def test_d7_prefix_of_another_pipeline_is_found(answer: dict[str, Any], other: str | None) -> None:
    assert foreign_prefix(answer, "cdc") == other
