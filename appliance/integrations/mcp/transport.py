"""The SDK's way to the network: every request goes out under the egress rules.

Owns bounding and noting what the server does; redirects within the server's own origin are asked
for by the SDK and come through here again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Final

import httpx2
import msgspec
from msgspec import Struct

from appliance.errors import Rejected, UpstreamError
from appliance.integrations.http_system import MAX_ANSWER_BYTES
from appliance.integrations.mcp.notes import Notes
from appliance.ports.outbound_http import OutboundRequest, OutboundStream, OutboundStreams

STREAM_WAIT_S: Final = 300.0
"""How long a server may be silent in a stream of events."""
GOODBYE_S: Final = 2.0
MAX_LISTENINGS: Final = 10
"""How often a session listens anew to a server that ends its streams of events."""

MESSAGE_TYPES: Final = ("application/json", "text/event-stream")


class _Message(Struct, frozen=True):
    """As much of a JSON-RPC message as tells whether it is answered."""

    method: str | None = None
    id: int | str | None = None


class EgressTransport(httpx2.AsyncBaseTransport):
    """Sends the requests of one session.

    Args:
        streams: Sends under the egress rules.
        credential_hosts: Where the session's requests may go.
        notes: Told of what happens.
    """

    def __init__(
        self, streams: OutboundStreams, *, credential_hosts: tuple[str, ...], notes: Notes
    ) -> None:
        self._streams = streams
        self._credential_hosts = credential_hosts
        self._notes = notes
        self._listenings = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send ``request``; the answer's body is read while it arrives, up to a limit."""
        body = await request.aread()
        if request.method == "GET":
            self._listenings += 1
        try:
            if self._listenings > MAX_LISTENINGS:
                raise Rejected("The server ends its streams at once.", code="broken_response")
            context = self._streams.stream(
                OutboundRequest(
                    method=request.method,
                    url=str(request.url),
                    headers=dict(request.headers),
                    body=body or None,
                    timeout_s=GOODBYE_S if request.method == "DELETE" else STREAM_WAIT_S,
                    max_response_bytes=MAX_ANSWER_BYTES,
                    credential_hosts=self._credential_hosts,
                )
            )
            answer = await context.__aenter__()
        except UpstreamError as exc:
            self._notes.failure = exc
            raise
        if request.method == "POST":
            self._notes.status = answer.status
            if _is_asking(body):
                kind = answer.headers.get("content-type", "").lower()
                is_refusal = answer.status >= 300
                self._notes.is_foreign = not is_refusal and not kind.startswith(MESSAGE_TYPES)
        return httpx2.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(context, answer, self._notes),
            request=request,
        )


class _Body(httpx2.AsyncByteStream):
    """The body of an answer, and the end of its request."""

    def __init__(
        self,
        context: AbstractAsyncContextManager[OutboundStream],
        answer: OutboundStream,
        notes: Notes,
    ) -> None:
        self._context = context
        self._answer = answer
        self._notes = notes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._answer.pieces:
                yield piece
        except UpstreamError as exc:
            self._notes.failure = exc
            # Of this kind the SDK makes the failure of one request; others end the session.
            raise httpx2.StreamError(exc.message) from exc

    async def aclose(self) -> None:
        await self._context.__aexit__(None, None, None)


def _is_asking(body: bytes) -> bool:
    """Return whether ``body`` is a request, and not a notification or an answer."""
    try:
        message = msgspec.json.decode(body, type=_Message)
    except msgspec.DecodeError:
        return False
    return message.method is not None and message.id is not None
