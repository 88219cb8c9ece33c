from __future__ import annotations

import pytest

from tests.servers import S3Address

ADDRESSES = {
    "plain": ("http://127.0.0.1:9000/", S3Address("http://127.0.0.1:9000", "test", "test")),
    "credentials": ("https://AKI:a%2Fb@s3.example.com", S3Address("https://s3.example.com", "AKI", "a/b")),
}


@pytest.mark.parametrize(("text", "address"), ADDRESSES.values(), ids=ADDRESSES)
def test_s3_option_names_an_endpoint_and_its_credentials(text: str, address: S3Address) -> None:
    assert S3Address.parse(text) == address
