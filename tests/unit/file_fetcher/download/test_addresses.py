"""The addresses that a link may lead to; the ones that `ipaddress.is_global` gets wrong are marked by their owners."""

from __future__ import annotations

import pytest

from file_fetcher.download.addresses import Reach, reach

PUBLIC = ["8.8.8.8", "52.216.0.1", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8", "2002:808:808::1"]
PRIVATE = ["127.0.0.1", "127.8.9.10", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1"]
PRIVATE += ["198.18.0.1", "::1", "fd12:3456::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"]
NEVER = [
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::7f00:1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:a9fe:a9fe::",
    "3fff::1",
    "5f00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "no address",
    "",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_address_is_public(address):
    assert reach(address) is Reach.PUBLIC


@pytest.mark.parametrize("address", PRIVATE)
def test_private_address_is_private(address):
    assert reach(address) is Reach.PRIVATE


@pytest.mark.parametrize("address", NEVER)
def test_special_address_is_never_reached(address):
    assert reach(address) is Reach.NEVER
