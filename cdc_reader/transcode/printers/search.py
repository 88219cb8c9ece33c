"""`tsvector` and `tsquery`."""

from __future__ import annotations

from cdc_reader.transcode.printers.sent import Sent

_LEXEME_BYTES = 3  # the least that a lexeme, or a node of a query, takes
_NODE_BYTES = 2
_POSITION_BITS = 14
_WEIGHTS = (b"", b"C", b"B", b"A")
_VALUE, _OPERATOR = 1, 2
_NOT, _AND, _OR, _PHRASE = 1, 2, 3, 4
_PRIORITIES = {_NOT: 4, _AND: 2, _OR: 1, _PHRASE: 3}
_SIGNS = {_AND: b" & ", _OR: b" | "}
_QUERY_WEIGHTS = ((8, b"A"), (4, b"B"), (2, b"C"), (1, b"D"))
_OF_VALUE = 5  # a value is never in parentheses


def _quoted(text: bytes) -> bytes:
    return b"'" + text.replace(b"\\", b"\\\\").replace(b"'", b"''") + b"'"


def vector(data: bytes) -> bytes:
    """Lexemes with their positions, in their order."""
    sent = Sent(data, "tsvector")
    shown = [_lexeme(sent) for _ in range(sent.count(_LEXEME_BYTES))]
    sent.end()
    return b" ".join(shown)


def _lexeme(sent: Sent) -> bytes:
    text = _quoted(sent.text())
    positions = [sent.number(2, signed=False) for _ in range(sent.number(2, signed=False))]
    if not positions:
        return text
    low = (1 << _POSITION_BITS) - 1
    return text + b":" + b",".join(b"%d%b" % (each & low, _WEIGHTS[each >> _POSITION_BITS]) for each in positions)


def query(data: bytes) -> bytes:
    """The tree of a query, in infix notation; it may be as deep as it is large, so nothing here calls itself."""
    sent = Sent(data, "tsquery")
    nodes = [_node(sent) for _ in range(sent.count(_NODE_BYTES))]
    sent.end()
    if not nodes:
        return b""
    # An operator stands before its operands, the right one first: read from behind, all operands are known.
    ready: list[tuple[list[bytes], int, int]] = []  # pieces, priority, operator
    for operator, piece in reversed(nodes):
        needs = 0 if not operator else 1 if operator == _NOT else 2
        if len(ready) < needs:
            raise sent.unfit("operands of all operators", "fewer")
        if not operator:
            ready.append(([piece], _OF_VALUE, 0))
        elif operator == _NOT:
            ready.append(([b"!", *_operand(ready.pop(), _NOT)], _PRIORITIES[_NOT], _NOT))
        else:
            right, left = _operand(ready.pop(), operator, right=True), _operand(ready.pop(), operator)
            left.append(piece)
            left.extend(right)
            ready.append((left, _PRIORITIES[operator], operator))
    if len(ready) != 1:
        raise sent.unfit("one query", f"{len(ready)}")
    return b"".join(ready[0][0])


def _operand(found: tuple[list[bytes], int, int], operator: int, *, right: bool = False) -> list[bytes]:
    """What an operator is applied to, in parentheses where it binds less; phrases depend on their order."""
    pieces, priority, own = found
    if priority < _PRIORITIES[operator] or (right and own == operator == _PHRASE):
        return [b"( ", *pieces, b" )"]
    return pieces


def _node(sent: Sent) -> tuple[int, bytes]:
    """An operator and its sign, or 0 and a value."""
    if (kind := sent.number(1)) == _VALUE:
        return 0, _value(sent)
    operator = sent.number(1)
    if kind != _OPERATOR or operator not in _PRIORITIES:
        raise sent.unfit("a value or an operator", "another node")
    if operator == _PHRASE:
        distance = sent.number(2, signed=False)
        return operator, b" <-> " if distance == 1 else b" <%d> " % distance
    return operator, _SIGNS.get(operator, b"")


def _value(sent: Sent) -> bytes:
    weight, prefix = sent.number(1, signed=False), sent.number(1)
    text = _quoted(sent.text())
    if not weight and not prefix:
        return text
    return text + b":" + (b"*" if prefix else b"") + b"".join(sign for bit, sign in _QUERY_WEIGHTS if weight & bit)
