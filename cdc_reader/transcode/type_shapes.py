"""
What the catalog says of a type, as far as it takes that to print its values from their binary form.

Which values a composite has, and of which types, is said by each of them: attributes come and go.
"""

from __future__ import annotations

from dataclasses import dataclass

BASE = "b"
COMPOSITE = "c"
DOMAIN = "d"
ENUM = "e"
RANGE = "r"
MULTIRANGE = "m"
ARRAY = "a"  # a base type of the catalog, for us one of its own


@dataclass(frozen=True, slots=True)
class TypeShape:
    """A type: `kind` is its `typtype`, or ARRAY; `parts` are the types that its values are made of.

    `extension` is `<extension>.<type>` for a type that one brought along; `sent`: it has a send function.
    """

    oid: int
    kind: str
    parts: tuple[int, ...] = ()
    extension: str = ""
    sent: bool = True
