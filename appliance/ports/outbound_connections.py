"""Connections of other protocols than HTTP to addresses that a tenant configured.

Owns the port; which addresses may be reached is decided by ``appliance.egress``, its one
implementation.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Protocol


class OutboundConnections(Protocol):
    """Reaches database and mail servers under the egress rules.

    Every method raises ``Rejected`` when the address is not allowed (``egress_denied``) or not one
    of ``credential_hosts`` (``credential_bound``), and ``Unavailable`` (``connect_failed``) when
    the name does not resolve or nobody answers. ``credential_hosts`` are as in
    ``OutboundRequest``.
    """

    async def judge(
        self, host: str, port: int, *, credential_hosts: Sequence[str] | None = None
    ) -> tuple[str, ...]:
        """Return the addresses of ``host``, best first, for a driver that connects by itself.

        The driver is given one of these and never the name, which could lead elsewhere by then.
        """
        ...

    async def connect(
        self,
        host: str,
        port: int,
        *,
        timeout_s: float,
        credential_hosts: Sequence[str] | None = None,
    ) -> socket.socket:
        """Return a connected, non-blocking socket; whoever asked for it closes it.

        TLS is up to the protocol on top, which checks the certificate against ``host``.
        """
        ...
