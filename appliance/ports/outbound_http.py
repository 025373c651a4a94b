"""HTTP requests to addresses that a tenant configured.

Owns the ports; which addresses may be reached is decided by ``appliance.egress``, their one
implementation.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from msgspec import Struct, field


class OutboundRequest(Struct, frozen=True, kw_only=True):
    """One request. ``max_response_bytes`` bounds what is read of the answer.

    ``credential_hosts`` are set where the request carries a credential, in its address, headers or
    body: it goes to these hosts (each a ``host`` or ``host:port``) and to no other.
    """

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    timeout_s: float = 30.0
    max_response_bytes: int = 1_000_000
    max_redirects: int = 0
    credential_hosts: tuple[str, ...] | None = None


class OutboundResponse(Struct, frozen=True, kw_only=True):
    """One answer, of any status; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class OutboundStream(Struct, frozen=True, kw_only=True):
    """An answer whose body is still arriving; header names are in lower case.

    ``pieces`` raises what ``OutboundHttp.send`` raises.
    """

    status: int
    headers: dict[str, str]
    pieces: AsyncIterator[bytes]


class OutboundHttp(Protocol):
    """Sends requests under the egress rules."""

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        """Send ``request`` once and return the answer, whatever its status.

        Raises:
            Unavailable: No connection, a time-out, or a broken answer; ``code`` tells which:
                ``connect_failed``, ``timed_out``, ``broken_response``.
            Rejected: The address is not allowed (``egress_denied``), not one of the
                ``credential_hosts`` (``credential_bound``), or the answer is larger than
                ``max_response_bytes`` (``response_too_large``).
        """
        ...


class OutboundStreams(Protocol):
    """Sends requests whose answers are read while they arrive, under the same rules."""

    def stream(self, request: OutboundRequest) -> AbstractAsyncContextManager[OutboundStream]:
        """Send ``request`` once; leaving the context abandons the rest of the answer.

        ``timeout_s`` bounds the time to the answer's head, and then each wait for a piece of it.
        Raises what ``OutboundHttp.send`` raises.
        """
        ...
