"""Which address a request comes from, also behind the operator's own proxies.

Owns reading ``X-Forwarded-For``, which is believed only as far as trusted proxies wrote it; what an
address is used for is left to the callers.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from litestar import Request

UNKNOWN = "unknown"


class ClientAddresses:
    """Finds a client's address. ``trusted_proxies`` are networks such as ``10.0.0.0/8``."""

    def __init__(self, trusted_proxies: Sequence[str] = ()) -> None:
        self._trusted = [ipaddress.ip_network(network, strict=False) for network in trusted_proxies]

    def find(self, request: Request[Any, Any, Any]) -> str:
        """Return the address nearest to us that no trusted proxy has.

        Everything to the left of it in the header was written by who is not trusted.
        """
        peer = request.client.host if request.client else UNKNOWN
        forwarded = request.headers.get("x-forwarded-for", "")
        hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
        address = peer
        while hops and self._is_trusted(address):
            address = hops.pop()
        return address

    def _is_trusted(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)
