from __future__ import annotations

import re
from pathlib import Path

import pytest

import schemas
from vespa_sink.documents.samples import record_sample, samples
from vespa_sink.settings import VespaSettings

PACKAGE = Path(schemas.__file__).parent.parent / "deploy" / "vespa" / "schemas"
SAMPLES = samples(VespaSettings())


def test_every_type_of_the_application_has_a_sample() -> None:
    assert SAMPLES.keys() == {path.stem for path in PACKAGE.glob("*.sd")}


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_has_every_field_of_the_application_and_no_other(name: str) -> None:
    text = (PACKAGE / f"{name}.sd").read_text()
    declared = set(re.findall(r"^        field (\w+) type", text, re.MULTILINE))
    assert set(SAMPLES[name]) == declared


def test_sample_structs_have_every_member() -> None:
    text = (PACKAGE / "procore_record.sd").read_text()
    for struct, field in (("relationship", "relationships"), ("file_reference", "file_references")):
        body = re.search(rf"struct {struct} {{(.*?)^        }}", text, re.DOTALL | re.MULTILINE)
        assert body is not None
        assert set(record_sample()[field][0]) == set(re.findall(r"field (\w+) type", body[1]))
