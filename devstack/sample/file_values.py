"""How the values that refer to files are made: keys, maps of keys, links. Which keys there are says `objects`."""

from __future__ import annotations

import json
from collections.abc import Callable

from devstack.sample.draws import Draws
from devstack.sample.model import Fill
from devstack.sample.objects.catalogue import some_key, some_linked_key
from devstack.sample.objects.links import Form, Link

GOOGLE_SHEET = "https://docs.google.com/spreadsheets/d/1mVh2yJ8sQ0Zb7cTn4kXrWqLpE5uA9dGf3oHiKjYtBxs/edit#gid=0"

# Of a hundred links so many are of each form.
_FORMS = (
    *(Form.SIGNED,) * 60,
    *(Form.EXPIRED,) * 14,
    *(Form.PARTNER,) * 4,
    *(Form.FOREIGN,) * 14,
    *(Form.S3,) * 8,
)


def s3_key(folder: str) -> Fill:
    """The key of an object in the company's bucket."""
    return lambda draws, _: some_key(folder, draws)


def link(folder: str) -> Callable[[Draws, int], Link]:
    """A link to a file; most are signed, some of those long ago."""

    def make(draws: Draws, _: int) -> Link:
        key, form = some_linked_key(folder, draws), draws.one_of(_FORMS)
        # An s3:// link has no escapes, so it cannot hold what means something in a URL.
        return Link(key, Form.SIGNED if form is Form.S3 and key.startswith(("odd/", "/")) else form)

    return make


def s3_map(folder: str) -> Fill:
    """A JSON document of up to three attachments: id -> key."""

    def fill(draws: Draws, _: int) -> str:
        entries = {str(draws.between(1000, 999_999)): some_key(folder, draws) for _ in range(draws.below(4))}
        return json.dumps(entries, ensure_ascii=False)

    return fill
