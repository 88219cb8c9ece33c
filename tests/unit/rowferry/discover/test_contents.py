from __future__ import annotations

import orjson
import pytest

from rowferry.discover.contents import sample_of

CASES = {
    "ordinary values": ('{"id":1,"name":"a","ok":true,"no":null,"price":4.5}', None),
    "a number past a double": ('{"j":{"a":1e400}}', {"j": {"a": "1e400"}}),
    "a number that ends with a nought": ('{"n":1.10}', {"n": "1.10"}),
    "more digits than a double": ('{"n":0.12345678901234567890}', {"n": "0.12345678901234567890"}),
    "more than 64 bits": ('{"n":[100000000000000000000000000]}', {"n": ["100000000000000000000000000"]}),
    "half of a pair": (r'{"t":"a\ud800"}', {"t": "a?"}),
}


@pytest.mark.parametrize(("text", "sample"), CASES.values(), ids=CASES)
def test_sample_is_what_postgresql_prints(text: str, sample: dict[str, object] | None) -> None:
    found = sample_of(text)
    assert found == (orjson.loads(text) if sample is None else sample)
    assert orjson.loads(orjson.dumps(found)) == found
