"""Requests to an ASGI application without a server between.

Owns building the scope and collecting the answer; unlike a client library it sends exactly the
bytes it is given, also malformed ones.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]


@dataclass(frozen=True)
class AsgiResponse:
    """What came back; header names are in lower case and may repeat."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the only header of this name, or ``None``."""
        found = [value for key, value in self.headers if key == name]
        assert len(found) <= 1, found
        return found[0] if found else None

    def json(self) -> Any:
        return json.loads(self.body)


def build_scope(
    method: str, path: str, *, headers: Iterable[tuple[str, str]] = ()
) -> dict[str, Any]:
    """Return the scope of one request."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
        "client": ("192.0.2.1", 50_000),
        "server": ("127.0.0.1", 8080),
    }


async def request(
    app: AsgiApp,
    method: str = "GET",
    path: str = "/",
    *,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    state: dict[str, Any] | None = None,
) -> AsgiResponse:
    """Send one request through ``app`` and return the whole answer."""
    scope = build_scope(method, path, headers=headers)
    if state is not None:
        scope["state"] = state
    incoming = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return incoming.pop(0) if incoming else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start, *chunks = sent
    assert start["type"] == "http.response.start"
    return AsgiResponse(
        status=start["status"],
        headers=[
            (name.decode().lower(), value.decode("latin-1")) for name, value in start["headers"]
        ],
        body=b"".join(chunk.get("body", b"") for chunk in chunks),
    )
