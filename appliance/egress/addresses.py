"""What kind of place an IP address is.

Owns the judgement of addresses, whatever form they come in; which kinds may be reached is decided
by ``appliance.egress.rules``.

``ipaddress.is_global`` is not asked: it has changed between Python versions, calls some tunnels to
private networks global, and knows no cloud metadata address.

Source: IANA's IPv4 and IPv6 special-purpose address registries; RFC 6052 (NAT64).
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Literal

AddressKind = Literal["public", "private", "forbidden"]
"""``private`` is somebody's own network or machine, which an operator may open by name;
``forbidden`` is never a server a shop means."""

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def _ipv4(*networks: str) -> tuple[IPv4Network, ...]:
    return tuple(IPv4Network(network) for network in networks)


def _ipv6(*networks: str) -> tuple[IPv6Network, ...]:
    return tuple(IPv6Network(network) for network in networks)


PRIVATE_IPV4 = _ipv4(
    "10.0.0.0/8",
    "100.64.0.0/10",  # carrier-grade NAT
    "127.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
)
FORBIDDEN_IPV4 = _ipv4(
    "0.0.0.0/8",
    "168.63.129.16/32",  # Azure's platform services inside every virtual machine
    "169.254.0.0/16",  # link-local, and the metadata service of most clouds
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
PRIVATE_IPV6 = _ipv6("::1/128", "fc00::/7")
PUBLIC_IPV6 = _ipv6("2000::/3")
FORBIDDEN_IPV6 = _ipv6(
    "2001::/23",  # protocol assignments, with Teredo and ORCHID
    "2001:db8::/32",
    "2002::/16",  # 6to4
    "2620:4f:8000::/48",
    "3fff::/20",
)
IPV4_MAPPED = IPv6Network("::ffff:0:0/96")
NAT64 = IPv6Network("64:ff9b::/96")
ISATAP_MARKS = (0x00005EFE, 0x02005EFE)


def judge_address(address: Address) -> AddressKind:
    """Say what kind of place ``address`` is.

    An IPv6 address that stands for an IPv4 one (mapped, NAT64) is judged as that one. Tunnels that
    carry an IPv4 address (6to4, Teredo, ISATAP, IPv4-compatible) are forbidden whatever they carry.
    """
    if isinstance(address, IPv4Address):
        return _judge_ipv4(address)
    if address.scope_id is not None:
        return "forbidden"
    if address in IPV4_MAPPED or address in NAT64:
        return _judge_ipv4(IPv4Address(int(address) & 0xFFFFFFFF))
    if _is_in(address, PRIVATE_IPV6):
        return "private"
    if not _is_in(address, PUBLIC_IPV6) or _is_in(address, FORBIDDEN_IPV6):
        return "forbidden"
    if (int(address) >> 32) & 0xFFFFFFFF in ISATAP_MARKS:
        return "forbidden"
    return "public"


def _judge_ipv4(address: IPv4Address) -> AddressKind:
    if _is_in(address, FORBIDDEN_IPV4):
        return "forbidden"
    return "private" if _is_in(address, PRIVATE_IPV4) else "public"


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def read_literal(host: str) -> Address | None:
    """Return the address that ``host`` spells in its one usual form, or ``None``.

    ``127.1``, ``0x7f000001``, ``017700000001`` and leading zeros are not read, here or anywhere.
    """
    try:
        return ip_address(host)
    except ValueError:
        return None


def read_network(text: str) -> Network | None:
    """Return the network that ``text`` spells (``10.1.0.0/16``), or ``None``."""
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None
