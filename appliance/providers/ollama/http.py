"""HTTP to one Ollama server.

Owns connections, deadlines and the translation of transport failures; what is asked and what an
answer means is left to the other modules of this package. docs/adr/0008 says why this is httpcore
and not the vendor's SDK.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from urllib.parse import unquote, urlsplit

import httpcore
import msgspec

from appliance.errors import ConfigurationError, Unavailable
from appliance.providers.ollama.ndjson import LineSplitter, LineTooLong

MAX_ANSWER_BYTES = 32_000_000
END_OF_BODY_S = 0.5
PROXY_STATUSES = (401, 403, 429, 502, 503, 504)


class OllamaError(Exception):
    """Ollama understood the request and answered with an error; never leaves the package."""

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
        host = parts.hostname.encode("idna").decode()
        bracketed = f"[{host}]" if ":" in host else host
        netloc = bracketed if parts.port is None else f"{bracketed}:{parts.port}"
        self.base_url = f"{parts.scheme}://{netloc}{parts.path.rstrip('/')}"
        self._scheme, self._host, self._port = parts.scheme, host, parts.port
        self._prefix = parts.path.rstrip("/")
        self._headers: dict[bytes | str, bytes | str] = {
            "Host": netloc,
            "User-Agent": "csai-appliance",
            "Content-Type": "application/json",
        }
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        self._timeouts = {"connect": connect_timeout_s}
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
        with self.translate_failures():
            async with asyncio.timeout(timeout_s):
                response = await self._send(method, path, payload)
                try:
                    return await read_limited(response)
                finally:
                    await response.aclose()

    async def open_lines(self, path: str, payload: object, *, timeout_s: float) -> LineStream:
        """Return the lines of a successful answer to a POST; the caller closes them.

        Raises:
            OllamaError: Ollama answered with an error.
            Unavailable: No connection, or no answer in ``timeout_s``.
        """
        with self.translate_failures():
            async with asyncio.timeout(timeout_s):
                response = await self._send("POST", path, payload)
        return LineStream(response, self.translate_failures)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()

    async def _send(self, method: str, path: str, payload: object) -> httpcore.Response:
        content = b"" if payload is None else msgspec.json.encode(payload)
        request = httpcore.Request(
            method,
            httpcore.URL(
                scheme=self._scheme, host=self._host, port=self._port, target=self._prefix + path
            ),
            headers={**self._headers, "Content-Length": str(len(content))},
            content=content,
            extensions={"timeout": self._timeouts},
        )
        response = await self._pool.handle_async_request(request)
        if response.status == 200:
            return response
        try:
            body = await read_limited(response)
        finally:
            await response.aclose()
        raise build_error(response, body, base_url=self.base_url)

    @contextmanager
    def translate_failures(self) -> Iterator[None]:
        """Turn transport failures inside the block into ``Unavailable``."""
        try:
            yield
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
            raise Unavailable(
                f"Ollama does not answer at {self.base_url}; start it with `ollama serve`.",
                code="connect_failed",
            ) from exc
        except (TimeoutError, httpcore.TimeoutException) as exc:
            raise Unavailable(
                f"Ollama at {self.base_url} took too long to answer.", code="timed_out"
            ) from exc
        except (httpcore.NetworkError, httpcore.ProtocolError, LineTooLong) as exc:
            raise broken_response(self.base_url) from exc


class LineStream:
    """The lines of one answer, as they arrive."""

    def __init__(
        self,
        response: httpcore.Response,
        translate_failures: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._response = response
        self._translate_failures = translate_failures
        self._pieces: AsyncIterator[bytes] = response.aiter_stream().__aiter__()
        self._splitter = LineSplitter()

    async def read(self, *, timeout_s: float) -> list[bytes]:
        """Wait for the next piece that completes a line and return its lines; none at the end.

        Raises:
            Unavailable: Nothing whole arrived in ``timeout_s``, or the connection broke.
        """
        with self._translate_failures():
            async with asyncio.timeout(timeout_s):
                async for piece in self._pieces:
                    if lines := self._splitter.feed(piece):
                        return lines
                return self._splitter.finish()

    async def finish(self) -> None:
        """Take the end of the body, so that the connection can serve the next request."""
        try:
            async with asyncio.timeout(END_OF_BODY_S):
                async for _ in self._pieces:
                    pass
        except (TimeoutError, httpcore.NetworkError, httpcore.ProtocolError):
            await self.aclose()

    async def aclose(self) -> None:
        """Hang up, unless the answer has been read to its end."""
        await self._response.aclose()


async def read_limited(response: httpcore.Response) -> bytes:
    """Return the whole body.

    Raises:
        LineTooLong: It is larger than any answer of Ollama.
    """
    body = bytearray()
    async for piece in response.aiter_stream():
        body += piece
        if len(body) > MAX_ANSWER_BYTES:
            raise LineTooLong("the answer does not end")
    return bytes(body)


class _ErrorBody(msgspec.Struct):
    error: str


def build_error(
    response: httpcore.Response, body: bytes, *, base_url: str
) -> OllamaError | Unavailable:
    """Return what an answer with a status other than 200 means."""
    retry_after = dict(response.headers).get(b"Retry-After", b"").decode("latin-1")
    retry_after_s = float(retry_after) if retry_after.isdecimal() else None
    try:
        text = msgspec.json.decode(body, type=_ErrorBody).error
    except msgspec.DecodeError:
        # A reverse proxy in front of Ollama answers with pages of its own.
        if response.status not in PROXY_STATUSES:
            return broken_response(base_url)
        text = ""
    return OllamaError(response.status, text, retry_after_s=retry_after_s)


def broken_response(base_url: str) -> Unavailable:
    """Build the error for an answer that does not follow Ollama's protocol."""
    return Unavailable(
        f"What answers at {base_url} broke off or does not speak Ollama's protocol; "
        "check the address and restart Ollama.",
        code="broken_response",
    )
