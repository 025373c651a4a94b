"""HTTP to one Ollama server.

Owns connections, deadlines and the translation of transport failures; what is asked and what an
answer means is left to the other modules of this package.

Built on httpcore rather than the vendor's SDK: see docs/adr/0008.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

import httpcore
import msgspec
import structlog

from appliance.errors import (
    ApplianceError,
    AuthFailed,
    ConfigurationError,
    ContextWindowExceeded,
    Rejected,
    Unavailable,
)
from appliance.providers.ollama.ndjson import LineSplitter

logger = structlog.get_logger(__name__)

MAX_ANSWER_BYTES = 32_000_000
END_OF_BODY_S = 0.5


class OllamaError(Exception):
    """Ollama understood the request and answered with an error text; never leaves the package."""

    def __init__(self, status: int, text: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.retry_after_s = retry_after_s

    def mentions(self, words: str) -> bool:
        """Say whether the error text contains ``words``, letter case ignored."""
        return words in self.text.lower()


class OllamaHttp:
    """Sends requests to ``base_url`` over kept-alive connections, past any proxy variable."""

    def __init__(self, base_url: str, *, connect_timeout_s: float) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigurationError(
                f"The address of Ollama {base_url!r} must look like http://127.0.0.1:11434.",
                setting="CSAI_OLLAMA_URL",
            )
        port = f":{parts.port}" if parts.port else ""
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self.base_url = f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"
        self._headers = {"Content-Type": "application/json", "Accept": "application/x-ndjson"}
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        self._timeouts = {"connect": connect_timeout_s, "pool": connect_timeout_s}
        self._pool = httpcore.AsyncConnectionPool(
            max_connections=None, max_keepalive_connections=32, keepalive_expiry=60.0
        )

    async def fetch(
        self, method: str, path: str, payload: object = None, *, timeout_s: float
    ) -> bytes:
        """Return the body of a successful answer.

        Raises:
            OllamaError: Ollama answered with an error.
            Unavailable: No connection, no answer in ``timeout_s``, or one that is not Ollama's.
        """
        with self._translated():
            async with asyncio.timeout(timeout_s):
                response = await self._send(method, path, payload)
                try:
                    return await self._read_whole(response)
                finally:
                    await response.aclose()

    async def open_stream(self, path: str, payload: object, *, timeout_s: float) -> LineStream:
        """Return the lines of a successful answer to a POST; the caller closes them.

        Raises:
            OllamaError: Ollama answered with an error.
            Unavailable: No connection, or no answer in ``timeout_s``.
        """
        with self._translated():
            async with asyncio.timeout(timeout_s):
                response = await self._send("POST", path, payload)
        return LineStream(response, self._translated)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()

    async def _send(self, method: str, path: str, payload: object) -> httpcore.Response:
        content = None if payload is None else msgspec.json.encode(payload)
        url = httpcore.URL(self.base_url + path)
        length = {} if content is None else {"Content-Length": str(len(content))}
        request = httpcore.Request(
            method,
            url,
            headers={"Host": url.origin_host(), **self._headers, **length}
            if hasattr(url, "origin_host")
            else {**self._headers, **length},
            content=content,
            extensions={"timeout": self._timeouts},
        )
        return await self._pool.handle_async_request(request)
