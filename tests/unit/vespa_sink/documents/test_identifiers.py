from __future__ import annotations

import pytest

from vespa_sink.documents.identifiers import DocumentId

IDS = {
    "plain": ("rfis/17", "/document/v1/procore/procore_record/docid/rfis%2F17"),
    "escaped key": ("rfis/a%20b", "/document/v1/procore/procore_record/docid/rfis%2Fa%2520b"),
    "composite key": ("links/1,2", "/document/v1/procore/procore_record/docid/links%2F1%2C2"),
    "other schema": ("crm.rfis/17", "/document/v1/procore/procore_record/docid/crm.rfis%2F17"),
    "characters of urls": ("t/?&=#", "/document/v1/procore/procore_record/docid/t%2F%3F%26%3D%23"),
}


@pytest.mark.parametrize(("user", "path"), IDS.values(), ids=IDS)
def test_path_is_percent_encoded_wholly(user: str, path: str) -> None:
    assert DocumentId("procore", "procore_record", user).path == path


def test_id_prints_as_vespa_writes_it() -> None:
    assert str(DocumentId("procore", "procore_record", "rfis/17")) == "id:procore:procore_record::rfis/17"
