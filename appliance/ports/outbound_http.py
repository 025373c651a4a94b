"""HTTP requests to addresses that a tenant configured.

Owns the port; which addresses may be reached is decided by ``appliance.egress``, its one
implementation.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct, field


class OutboundRequest(Struct, frozen=True, kw_only=True):
    """One request. ``max_response_bytes`` bounds what is read of the answer."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    timeout_s: float = 30.0
    max_response_bytes: int = 1_000_000
    max_redirects: int = 0


class OutboundResponse(Struct, frozen=True, kw_only=True):
    """One answer, of any status; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class OutboundHttp(Protocol):
    """Sends requests under the egress rules."""

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        """Send ``request`` once and return the answer, whatever its status.

        Raises:
            Unavailable: No connection, a time-out, or a broken answer; ``code`` tells which:
                ``connect_failed``, ``timed_out``, ``broken_response``.
            Rejected: The address is not allowed (``egress_denied``) or the answer is larger than
                ``max_response_bytes`` (``response_too_large``).
        """
        ...
