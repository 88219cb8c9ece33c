"""
Which network addresses a link may lead to.

`ipaddress.is_global` is not used: on current CPython releases it calls 192.0.0.192, 64:ff9b:1::/48, 168.63.129.16 and
multicast global. An address that carries another (mapped, NAT64, 6to4) is judged by the one inside.
Leaves to others: resolving names, connecting, and which host may be private.
"""

from __future__ import annotations

from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address


class Reach(Enum):
    """How far an address reaches."""

    PUBLIC = "public"
    PRIVATE = "private"  # loopback and private networks: only for hosts whose entry says so
    NEVER = "never"  # link-local, metadata services of clouds, multicast, reserved


_PRIVATE_4 = tuple(
    map(IPv4Network, ("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15"))
)
_NEVER_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "100.100.100.200/32",  # metadata (Alibaba)
            "168.63.129.16/32",  # wire server (Azure)
            "169.254.0.0/16",  # link-local and metadata (AWS, Google, Azure)
            "192.0.0.0/24",  # with 192.0.0.192: metadata (Oracle)
            "192.0.2.0/24",
            "192.88.99.0/24",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
_PRIVATE_6 = (IPv6Network("::1/128"), IPv6Network("fc00::/7"))
_NEVER_6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # Teredo, ORCHID, benchmarking
            "2001:db8::/32",
            "3fff::/20",
            "fd00:ec2::254/128",  # metadata (AWS)
            "fd20:ce::254/128",  # metadata (Google)
        ),
    )
)
_GLOBAL_6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")


def reach(address: str) -> Reach:
    """How far an address (as `getaddrinfo` returns it) reaches; what is no address is NEVER."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return Reach.NEVER
    return _reach_4(parsed) if isinstance(parsed, IPv4Address) else _reach_6(parsed)


def _reach_4(address: IPv4Address) -> Reach:
    if any(address in network for network in _NEVER_4):
        return Reach.NEVER
    return Reach.PRIVATE if any(address in network for network in _PRIVATE_4) else Reach.PUBLIC


def _reach_6(address: IPv6Address) -> Reach:
    inside = address.ipv4_mapped or address.sixtofour or _in_nat64(address)
    if inside is not None:
        return _reach_4(inside)
    if any(address in network for network in _NEVER_6):
        return Reach.NEVER
    if any(address in network for network in _PRIVATE_6):
        return Reach.PRIVATE
    return Reach.PUBLIC if address in _GLOBAL_6 else Reach.NEVER


def _in_nat64(address: IPv6Address) -> IPv4Address | None:
    return IPv4Address(int(address) & 0xFFFF_FFFF) if address in _NAT64 else None
