"""Which addresses may be reached.

Owns the operator's exceptions (``CSAI_EGRESS_ALLOW`` and the addresses in the operator's own
settings) and the verdict on a name and what it resolved to.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from msgspec import Struct

from appliance.egress.addresses import Address, Network, judge_address, read_literal, read_network
from appliance.egress.target import read_target, refuse
from appliance.errors import ConfigurationError, Rejected

SETTING = "CSAI_EGRESS_ALLOW"


class OpenNetwork(Struct, frozen=True):
    """Addresses that may be reached, on one port or on all."""

    network: Network
    port: int | None


class OpenHost(Struct, frozen=True):
    """A name that may stand for a private address, on one port or on all."""

    host: str
    port: int | None


class EgressRules:
    """Judges where tenant-configured addresses lead.

    Public addresses are open to all. An entry of ``allow`` opens more: a network or an address
    opens exactly these addresses, under any name; a host name opens private addresses (loopback,
    home and company networks) under this name. Link-local, multicast and reserved addresses open
    by address or network only. ``trusted`` are URLs from the operator's own settings, whose hosts
    and ports are open likewise.
    """

    def __init__(self, *, allow: Sequence[str] = (), trusted: Sequence[str] = ()) -> None:
        self._networks: list[OpenNetwork] = []
        self._hosts: list[OpenHost] = []
        for entry in allow:
            self._open_entry(entry)
        for url in trusted:
            self._open_url(url)

    def check(self, host: str, port: int, addresses: Sequence[Address]) -> None:
        """Let pass if every address that ``host`` stands for may be reached.

        Raises:
            Rejected: One of them may not: a name with mixed addresses is not half trusted.
        """
        if not addresses:
            raise refuse(f"The host {host!r} has no address.")
        for address in addresses:
            if not self._is_open(host, port, address):
                raise self._refusal(host, port)

    def _is_open(self, host: str, port: int, address: Address) -> bool:
        kind = judge_address(address)
        if kind == "public":
            return True
        if any(open_.port in (None, port) and address in open_.network for open_ in self._networks):
            return True
        return kind == "private" and any(
            open_.port in (None, port) and open_.host == host for open_ in self._hosts
        )

    @staticmethod
    def _refusal(host: str, port: int) -> Rejected:
        return refuse(
            f"The address {host}:{port} leads into a private or reserved network. "
            f"The machine's operator can allow it by adding {host}:{port} to {SETTING}."
        )

    def _open_entry(self, entry: str) -> None:
        text = entry.strip()
        network = read_network(text.removeprefix("[").removesuffix("]"))
        if network is not None:
            self._networks.append(OpenNetwork(network, None))
            return
        try:
            if "/" in text:
                raise refuse("a host has no path")
            target = read_target(f"http://{text}")
        except Rejected as exc:
            raise ConfigurationError(
                f"{SETTING} has the entry {entry!r}, which is no host, host:port or network.",
                setting=SETTING,
            ) from exc
        has_port = urlsplit(f"http://{text}").port is not None
        self._open_host(target.host, target.port if has_port else None)

    def _open_url(self, url: str) -> None:
        try:
            target = read_target(url)
        except Rejected as exc:
            raise ConfigurationError(f"A setting holds an unusable address. {exc}") from exc
        self._open_host(target.host, target.port)

    def _open_host(self, host: str, port: int | None) -> None:
        literal = read_literal(host)
        if literal is None:
            self._hosts.append(OpenHost(host, port))
            return
        network = read_network(str(literal))
        assert network is not None
        self._networks.append(OpenNetwork(network, port))
