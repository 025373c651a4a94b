"""A webhook receiver, as n8n is one, on a loopback port.

Owns the answers and the check of a caller's signature; what arrived is kept to look at.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from tests.fakes.loopback_http import Exchange, LoopbackHttp, SeenRequest

UNREGISTERED = {
    "code": 404,
    "message": 'The requested webhook "POST order" is not registered.',
    "hint": "The workflow must be active for a production URL to run successfully.",
}


@dataclass(frozen=True)
class Reply:
    """One answer."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    headers: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Hang:
    """No answer until the caller leaves."""


@dataclass(frozen=True)
class HangUp:
    """The connection closes without an answer."""


Answer = Reply | Hang | HangUp
Respond = Callable[[SeenRequest], Answer]


def reply_json(value: Any, status: int = 200) -> Reply:
    """Return an answer in JSON."""
    return Reply(status=status, body=json.dumps(value, ensure_ascii=False).encode())


def reply_unregistered() -> Reply:
    """Return what n8n answers where no published workflow listens."""
    return reply_json(UNREGISTERED, 404)


class AnsweringServer:
    """Answers each request with what ``_answer`` says; ``tls`` encrypts."""

    tls: ssl.SSLContext | None = None

    async def __aenter__(self) -> Self:
        self._http = LoopbackHttp(self._handle, tls=self.tls)
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    @property
    def port(self) -> int:
        return self._http.port

    @property
    def requests(self) -> list[SeenRequest]:
        return self._http.requests

    def _answer(self, request: SeenRequest) -> Answer:
        raise NotImplementedError

    def _note_hang_up(self) -> None:
        """Hear that a caller who got no answer has left."""

    async def _handle(self, exchange: Exchange) -> None:
        answer = self._answer(exchange.request)
        if isinstance(answer, Hang):
            await exchange.wait_for_disconnect()
            self._note_hang_up()
        elif isinstance(answer, Reply):
            await exchange.respond(
                answer.status,
                answer.body,
                content_type=answer.content_type,
                headers=answer.headers,
            )
        else:
            exchange.cut()


@dataclass
class WebhookServer(AnsweringServer):
    """Gives ``answers`` one after another, the last one again and again; or asks ``respond``."""

    answers: Sequence[Answer] = (Reply(body=b"{}"),)
    respond: Respond | None = None
    has_request: asyncio.Event = field(default_factory=asyncio.Event)
    has_hung_up: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"{self._http.url}/webhook/order"

    @property
    def authority(self) -> str:
        """Host and port, as ``CSAI_EGRESS_ALLOW`` writes them."""
        return f"{self._http.host}:{self._http.port}"

    def _answer(self, request: SeenRequest) -> Answer:
        self.has_request.set()
        if self.respond is not None:
            return self.respond(request)
        return self.answers[min(len(self.requests), len(self.answers)) - 1]

    def _note_hang_up(self) -> None:
        self.has_hung_up.set()


def is_signed(request: SeenRequest, secret: str) -> bool:
    """Check ``X-CSAI-Signature`` as a receiver would, from the documented form alone."""
    parts = dict(
        part.split("=", 1) for part in request.headers.get("x-csai-signature", "=").split(",")
    )
    message = f"{parts.get('t')}.".encode() + request.body
    expected = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, parts.get("v1", ""))
