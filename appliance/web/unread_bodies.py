"""What is left of a request's body when the answer has been sent.

Owns reading it to its end, within bounds; what is refused before it is read is left to the layers
and routes inside.
"""

from __future__ import annotations

import asyncio
from typing import Final

from appliance.web.access import AsgiApp, Message, Receive, Scope, Send, find_header

DEADLINE_S: Final = 2.0


class UnreadBodies:
    """Reads on behind an answer that came before the end of the body, and drops what it reads.

    A connection that is closed with bytes unread is reset, and the reset can take the answer with
    it before the sender has read it (RFC 9112, section 9.6). Sending is not waited for longer than
    ``DEADLINE_S``, nor for more than ``max_bytes``; then the connection is closed all the same.
    """

    def __init__(self, app: AsgiApp, *, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or (unread := _Body.of(scope, receive)) is None:
            await self._app(scope, receive, send)
            return
        await self._app(scope, unread.receive, send)
        try:
            async with asyncio.timeout(DEADLINE_S):
                await unread.drain(self._max_bytes)
        except TimeoutError:
            return


class _Body:
    """A body that knows how much of it was read; ``size_bytes`` is ``None`` in chunks."""

    def __init__(self, receive: Receive, size_bytes: int | None) -> None:
        self._receive = receive
        self._size_bytes = size_bytes
        self._read_bytes = 0
        self._is_read = False

    @classmethod
    def of(cls, scope: Scope, receive: Receive) -> _Body | None:
        """Return the request's body, or ``None`` if it has none."""
        if find_header(scope, b"transfer-encoding") is not None:
            return cls(receive, None)
        given = find_header(scope, b"content-length")
        return cls(receive, int(given)) if given and given.isdigit() and int(given) else None

    async def receive(self) -> Message:
        """Return the next message of the server."""
        message: Message = await self._receive()
        self._read_bytes += len(message.get("body", b""))
        self._is_read = (
            self._is_read
            or not message.get("more_body", False)
            or self._read_bytes == self._size_bytes
        )
        return message

    async def drain(self, max_bytes: int) -> None:
        """Read until the end, or ``max_bytes`` further."""
        last_byte = self._read_bytes + max_bytes
        while not self._is_read and self._read_bytes < last_byte:
            await self.receive()
