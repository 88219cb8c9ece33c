"""
Which kind a type is of, with what the catalog says of types that are not built in.

A type without a kind of its own is carried as the text that PostgreSQL prints. Where we print that text ourselves, byte
for byte, its values may come in binary; where we cannot (money follows the server's locale, regclass its catalog, and
of many extensions the form is not known), the stream must be text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from cdc_reader.transcode.carried import Unfit
from cdc_reader.transcode.kinds import OTHER, TEXT, Code, Kind, built_in, printed
from cdc_reader.transcode.printers import extensions, geometry, network, scalars, search
from cdc_reader.transcode.printers.containers import array, composite, multirange_of, range_of, vector
from cdc_reader.transcode.printers.sent import Printer
from cdc_reader.transcode.row_keys import binary_key_text
from cdc_reader.transcode.type_shapes import ARRAY, COMPOSITE, DOMAIN, ENUM, MULTIRANGE, RANGE, TypeShape

_INFINITE_INTERVALS = 170000
_CHAR_IN_OCTAL = 160000
_LSN_PADDED = 190000  # what these servers print has not been compared with what we would
_BOX, _CHAR, _INTERVAL, _LSN = 603, 18, 1186, 3220
_UNCONVERTED = ("UTF8", "SQL_ASCII")

_PRINTERS: Mapping[int, Printer] = {
    _CHAR: scalars.char,
    22: vector(21, 2),  # int2vector
    30: vector(26, 4),  # oidvector
    27: scalars.tid,
    28: scalars.unsigned(4, "xid"),
    29: scalars.unsigned(4, "cid"),
    5069: scalars.unsigned(8, "xid8"),
    600: geometry.fixed("point", 1, "{}"),
    601: geometry.fixed("lseg", 2, "[{}]"),
    602: geometry.path,
    _BOX: geometry.fixed("box", 2, "{}"),
    604: geometry.polygon,
    628: geometry.line,
    718: geometry.circle,
    650: network.cidr,
    869: network.inet,
    829: scalars.address("macaddr", 6),
    774: scalars.address("macaddr8", 8),
    1266: scalars.timetz,
    1560: scalars.bits,
    1562: scalars.bits,  # varbit
    3614: search.vector,
    3615: search.query,
    4072: scalars.versioned("jsonpath"),
    2970: scalars.snapshot,  # txid_snapshot
    5038: scalars.snapshot,
    _LSN: scalars.lsn,
}
_TEXTS = (142, 1790)  # xml, refcursor: sent as they are printed
_EXTENSIONS: Mapping[str, Printer] = {
    "hstore.hstore": extensions.hstore,
    "ltree.ltree": scalars.versioned("ltree"),
    "ltree.lquery": scalars.versioned("lquery"),
    "ltree.ltxtquery": scalars.versioned("ltxtquery"),
    "vector.vector": extensions.vector,
    "vector.halfvec": extensions.halfvec,
    "vector.sparsevec": extensions.sparsevec,
}
_EXTENSION_TEXTS = ("citext.citext",)
# Its texts are recoded behind their sizes: in an encoding that is converted, nobody knows where they end.
_NOT_CONVERTED = ("hstore.hstore",)
# What PostgreSQL sends in binary has no other form than its text where the type has no send function.
UNSENT = Kind(OTHER.code, OTHER.name, (), OTHER.from_text, None, sent=False)


class KnownTypes:
    """Kinds by the OIDs of types; what is made once is kept.

    `shapes` are what the catalog says, of a server of that `version` and a database of that `encoding`. Not `printing`:
    where texts are recoded here, they would not be found within other values.
    """

    def __init__(
        self,
        shapes: Iterable[TypeShape] = (),
        *,
        version: int = 0,
        encoding: str = "UTF8",
        printing: bool = True,
    ) -> None:
        self._shapes = {shape.oid: shape for shape in shapes}
        self._version = version
        self._encoding = encoding
        self._printing = printing
        self._kinds: dict[int, Kind] = {}

    def knowing(self, shapes: Iterable[TypeShape]) -> KnownTypes:
        """The same with types that came to be known since."""
        return KnownTypes(
            (*self._shapes.values(), *shapes),
            version=self._version,
            encoding=self._encoding,
            printing=self._printing,
        )

    def kind_of(self, oid: int) -> Kind:
        """The kind of a type; of one that is not known it is OTHER."""
        if (known := self._kinds.get(oid)) is None:
            known = self._kinds[oid] = self._made(oid)
        return known

    def _made(self, oid: int) -> Kind:
        if (own := built_in(oid)) is not None:
            return own
        shape = self._shapes.get(oid)
        if shape is not None and shape.kind == DOMAIN:
            return self.kind_of(shape.parts[0])
        if shape is not None and not shape.sent:
            return UNSENT
        if not self._printing:
            return OTHER
        if oid in _TEXTS or (shape is not None and (shape.kind == ENUM or shape.extension in _EXTENSION_TEXTS)):
            return TEXT
        if oid in _PRINTERS or oid == _INTERVAL:
            shown, elements = self._built_in(oid), None
        else:
            shown, elements = self._printer(shape), self._elements(shape)
        return OTHER if shown is None else printed(_guarded(shown), elements)

    def _elements(self, shape: TypeShape | None) -> tuple[int, Code] | None:
        """What the elements of an array are, where they have a kind of their own."""
        if shape is None or shape.kind != ARRAY:
            return None
        kind = self.kind_of(shape.parts[0])
        return (shape.parts[0], kind.code) if kind.binary and kind.printer is None else None

    def _built_in(self, oid: int) -> Printer | None:
        """As this server prints it."""
        if oid == _INTERVAL:
            return scalars.interval(infinite=self._version >= _INFINITE_INTERVALS)
        too_old = oid == _CHAR and self._version < _CHAR_IN_OCTAL
        too_new = oid == _LSN and self._version >= _LSN_PADDED
        return None if too_old or too_new else _PRINTERS[oid]

    def _printer(self, shape: TypeShape | None) -> Printer | None:
        if shape is None:
            return None
        if shape.extension in _NOT_CONVERTED and self._encoding not in _UNCONVERTED:
            return None
        if (known := _EXTENSIONS.get(shape.extension)) is not None:
            return known
        parts = [self._printed(part) for part in shape.parts]
        return None if None in parts else self._of_parts(shape, [each for each in parts if each is not None])

    def _of_parts(self, shape: TypeShape, parts: list[Printer]) -> Printer | None:
        if shape.kind == COMPOSITE:
            return composite(self._printed)
        if shape.kind == ARRAY:
            [element] = shape.parts
            return array(element, parts[0], delimiter=b";" if self._base(element) == _BOX else b",")
        if shape.kind == RANGE:
            return range_of(parts[0])
        return multirange_of(parts[0]) if shape.kind == MULTIRANGE else None

    def _base(self, oid: int) -> int:
        """The type under a domain."""
        while (shape := self._shapes.get(oid)) is not None and shape.kind == DOMAIN:
            [oid] = shape.parts
        return oid

    def _printed(self, oid: int) -> Printer | None:
        """What prints values of a type inside others."""
        kind = self.kind_of(oid)
        if kind.printer is not None:
            return kind.printer
        return partial(binary_key_text, kind) if kind.binary else None


def _guarded(shown: Printer) -> Printer:
    """Values lie within values as deep as types do; what is deeper is none."""

    def print_value(data: bytes) -> bytes:
        try:
            return shown(data)
        except RecursionError as exc:
            raise Unfit("expected values within values as deep as types are, got deeper ones") from exc

    return print_value


BUILT_IN = KnownTypes()
