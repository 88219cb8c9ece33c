"""Who listens where, as the kernel tells."""

from __future__ import annotations

import ipaddress
from pathlib import Path

_LISTEN = "0A"


def listening_addresses(port: int) -> set[str]:
    """The addresses on which anybody listens on the port, IPv6 as well."""
    found = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for line in table.read_text().splitlines()[1:]:
            fields = line.split()
            address, _, local_port = fields[1].partition(":")
            if fields[3] == _LISTEN and int(local_port, 16) == port:
                found.add(_readable(address))
    return found


def _readable(address: str) -> str:
    """Each 32-bit word is printed in the machine's byte order, here little-endian."""
    raw = b"".join(bytes.fromhex(address[i : i + 8])[::-1] for i in range(0, len(address), 8))
    parsed = ipaddress.ip_address(raw)
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)
