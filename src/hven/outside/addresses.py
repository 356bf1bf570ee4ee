"""Which addresses of the network are nobody's business but the server's."""

from __future__ import annotations

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Ranges that the standard library calls global, or that carry another address inside (RFC 6052, 3056, 4380, 8215).
_ALSO = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4",
        "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2002::/16", "fec0::/10", "::/96",
    )
)  # fmt: skip


def forbidden_reason(text: str) -> str:
    """Return, in words, why a numeric address must not be fetched from; empty if it may."""
    bare, _, zone = text.partition("%")
    try:
        address: Address = ipaddress.ip_address(bare)
    except ValueError:
        return "an address that is none"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    reasons = (
        (address.is_unspecified or address.is_loopback, "the server's own machine"),
        (address.is_link_local or bool(zone), "the server's own network link"),
        (address.is_multicast, "a multicast address"),
        (address.is_private, "a private network"),
        (address.is_reserved or not address.is_global, "a reserved address"),
        (any(address in network for network in _ALSO if network.version == address.version), "a reserved address"),
    )
    return next((words for holds, words in reasons if holds), "")
