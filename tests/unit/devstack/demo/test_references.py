from __future__ import annotations

import pytest

from devstack.demo.references import Place, Reference

KEY = Place("drawings", "pdf_s3_key", "s3_key")
URL = Place("photos", "url", "url")
MAP = Place("rfis", "attachment_s3_keys", "jsonb_s3_map")
VALUES = {
    "a key": (KEY, ["7"], "plans/a.pdf", [Reference("drawings/7/pdf_s3_key", "plans/a.pdf")]),
    "a link where a key is usual": (KEY, ["7"], "https://x/a", [Reference("drawings/7/pdf_s3_key", "https://x/a")]),
    "null": (KEY, ["7"], None, []),
    "empty": (KEY, ["7"], "", []),
    "a key of several columns": (
        KEY,
        ["a b", "ü,", ""],
        "a",
        [Reference("drawings/a%20b,%C3%BC%2C,%00/pdf_s3_key", "a")],
    ),
    "a link": (URL, ["1"], "https://x/a?s=1", [Reference("photos/1/url", "https://x/a?s=1")]),
    "a link into a bucket": (URL, ["1"], "s3://b/a", [Reference("photos/1/url", "s3://b/a")]),
    "no link": (URL, ["1"], "plans/a.pdf", []),
    "a map": (
        MAP,
        ["1"],
        '{"10": "a", "a/b": "c"}',
        [Reference("rfis/1/attachment_s3_keys/10", "a"), Reference("rfis/1/attachment_s3_keys/a%2Fb", "c")],
    ),
    "a map with entries that are none": (MAP, ["1"], '{"1": null, "2": 3, "3": ""}', []),
    "a list": (MAP, ["1"], '["a"]', []),
}


@pytest.mark.parametrize(("place", "key", "value", "expected"), VALUES.values(), ids=VALUES)
def test_value_refers_to_these_files(
    place: Place, key: list[str], value: str | None, expected: list[Reference]
) -> None:
    assert list(place.references(key, value)) == expected


def test_signatures_of_links_are_not_shown() -> None:
    assert "secret" not in repr(Reference("photos/1/url", "https://x/a?signature=secret"))
