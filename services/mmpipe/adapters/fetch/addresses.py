"""Which addresses may be spoken to.

A table of its own, not ``ipaddress.is_global``: that one changes between patch releases of Python (3.12.1 takes
224.0.0.1, 2002:7f00:1:: and 64:ff9b::7f00:1 for global).

Three answers: an address is global, or *local* (a private network's own, which the spec may allow), or refused whatever
the spec says, because nothing there serves media and much there gives away credentials.

Sources: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890), the clouds' own documentation for theirs.
IPv6 is turned around: only 2000::/3 is handed out for global use (RFC 4291), so all else is refused.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal

type Address = IPv4Address | IPv6Address
type Where = Literal["Global", "Local", "Never"]

_NEVER = {
    "0.0.0.0/8": "an unspecified address",  # Linux connects 0.0.0.0 to itself
    "169.254.0.0/16": "a link-local address",  # metadata and credentials of AWS, GCP, Azure, OpenStack …
    "168.63.129.16/32": "a cloud's metadata address",  # Azure's WireServer, though the number is a public one
    "100.100.100.200/32": "a cloud's metadata address",  # Alibaba
    "192.0.0.192/32": "a cloud's metadata address",  # Oracle
    "192.88.99.0/24": "a 6to4 relay",
    "224.0.0.0/4": "a multicast address",
    "240.0.0.0/4": "a reserved or broadcast address",
    "::/128": "an unspecified address",
    "fe80::/10": "a link-local address",
    "fec0::/10": "a site-local address",
    "fd00:ec2::254/128": "a cloud's metadata address",  # AWS
    "fd20:ce::254/128": "a cloud's metadata address",  # GCP
    "ff00::/8": "a multicast address",
    "2001::/32": "a Teredo tunnel",  # tunnels lead to an IPv4 address that is hidden inside
    "2002::/16": "a 6to4 tunnel",
    "64:ff9b:1::/48": "a local NAT64 address",
}
_LOCAL = {
    "10.0.0.0/8": "a private address",
    "100.64.0.0/10": "a shared address of a provider",
    "127.0.0.0/8": "a loopback address",
    "172.16.0.0/12": "a private address",
    "192.0.0.0/24": "a protocol's own address",
    "192.0.2.0/24": "a documentation address",
    "192.168.0.0/16": "a private address",
    "198.18.0.0/15": "a benchmarking address",
    "198.51.100.0/24": "a documentation address",
    "203.0.113.0/24": "a documentation address",
    "::1/128": "a loopback address",
    "fc00::/7": "a private address",
    "2001::/23": "a protocol's own address",
    "2001:db8::/32": "a documentation address",
    "3fff::/20": "a documentation address",
}
_BLOCKS: list[tuple[IPv4Network | IPv6Network, Where, str]] = [
    *((ip_network(block), "Never", kind) for block, kind in _NEVER.items()),
    *((ip_network(block), "Local", kind) for block, kind in _LOCAL.items()),
]
_GLOBAL_UNICAST = ip_network("2000::/3")
_NAT64 = ip_network("64:ff9b::/96")


def address_of(text: str) -> Address:
    """An address as ``getaddrinfo`` writes it; the IPv4 address that an IPv6 one stands for is looked at in its place.

    Mapped addresses (``::ffff:a.b.c.d``) and those of the well-known NAT64 prefix, which is how a cluster without IPv4
    sees the rest of the world, lead to the IPv4 address in their last 32 bits.
    """
    address = ip_address(text)
    if isinstance(address, IPv6Address) and (address.ipv4_mapped or address in _NAT64):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def where(address: Address) -> tuple[Where, str]:
    """Where an address leads, and what it is called in a sentence."""
    for block, leads, kind in _BLOCKS:
        if address in block:
            return leads, kind
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return "Never", "an address outside of global unicast"
    return "Global", "a global address"
