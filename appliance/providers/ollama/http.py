"""HTTP to one Ollama server.

Owns the kept connections, deadlines and the translation of transport failures; what is asked and
what an answer means is left to the other modules of this package. docs/adr/0008 says why this is
not the vendor's SDK.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

import msgspec

from appliance.certificates import build_client_tls
from appliance.domain.json_types import BROKEN_JSON
from appliance.errors import ConfigurationError, Unavailable
from appliance.providers.ollama.connection import Connection, Head, ProtocolBroken
from appliance.providers.ollama.ndjson import LineSplitter, LineTooLong

MAX_ANSWER_BYTES = 32_000_000
MAX_IDLE_CONNECTIONS = 32
IDLE_LIFETIME_S = 60.0
END_OF_BODY_S = 0.5
DEFAULT_PORTS = {"http": 80, "https": 443}
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


class ConnectFailed(Exception):
    """There is no connection; never leaves the package."""


class _Idle(NamedTuple):
    connection: Connection
    until: float


class OllamaHttp:
    """Sends requests to ``base_url`` over kept connections, past any proxy variable."""

    def __init__(self, base_url: str, *, connect_timeout_s: float) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
            raise ConfigurationError(
                f"The address of Ollama {base_url!r} must look like http://127.0.0.1:11434.",
                setting="CSAI_OLLAMA_URL",
            )
        self._host = parts.hostname.encode("idna").decode()
        self._port = parts.port or DEFAULT_PORTS[parts.scheme]
        self._is_secure = parts.scheme == "https"
        self._prefix = quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~")
        bracketed = f"[{self._host}]" if ":" in self._host else self._host
        netloc = bracketed if parts.port is None else f"{bracketed}:{parts.port}"
        self.base_url = f"{parts.scheme}://{netloc}{self._prefix}"
        self._headers = [
            (b"Host", netloc.encode()),
            (b"User-Agent", b"csai-appliance"),
            (b"Content-Type", b"application/json"),
        ]
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            credential = b"Basic " + base64.b64encode(pair.encode())
            self._headers.append((b"Authorization", credential))
        self._connect_timeout_s = connect_timeout_s
        self._idle: deque[_Idle] = deque()

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
                connection = await self._exchange(method, path, payload)
                return await self._read_whole(connection)

    async def open_lines(self, path: str, payload: object, *, timeout_s: float) -> LineStream:
        """Return the lines of a successful answer to a POST; the caller closes them.

        Raises:
            OllamaError: Ollama answered with an error.
            Unavailable: No connection, or no answer in ``timeout_s``.
        """
        with self.translate_failures():
            async with asyncio.timeout(timeout_s):
                return LineStream(self, await self._exchange("POST", path, payload))

    async def aclose(self) -> None:
        """Close the kept connections."""
        while self._idle:
            await self._idle.pop().connection.close()

    async def release(self, connection: Connection) -> None:
        """Keep ``connection`` for the next request, or close it if it cannot serve one."""
        if connection.is_reusable and len(self._idle) < MAX_IDLE_CONNECTIONS:
            until = asyncio.get_running_loop().time() + IDLE_LIFETIME_S
            self._idle.append(_Idle(connection, until))
        else:
            await connection.close()

    @contextmanager
    def translate_failures(self) -> Iterator[None]:
        """Turn transport failures inside the block into ``Unavailable``."""
        try:
            yield
        except ConnectFailed as exc:
            raise Unavailable(
                f"Ollama does not answer at {self.base_url}; start it with `ollama serve`.",
                code="connect_failed",
            ) from exc
        except TimeoutError as exc:
            raise Unavailable(
                f"Ollama at {self.base_url} took too long to answer.", code="timed_out"
            ) from exc
        except (OSError, ProtocolBroken, LineTooLong) as exc:
            raise broken_response(self.base_url) from exc

    async def _exchange(self, method: str, path: str, payload: object) -> Connection:
        """Send a request and return the connection with the body of a successful answer ahead."""
        content = b"" if payload is None else msgspec.json.encode(payload)
        headers = [*self._headers, (b"Content-Length", b"%d" % len(content))]
        while True:
            kept = await self._take_kept()
            connection = kept or await self._connect()
            try:
                await connection.send(method, self._prefix + path, headers, content)
                head = await connection.read_head()
                break
            except (OSError, ProtocolBroken):
                await connection.close()
                # The server may close a kept connection at the very moment it is used again.
                if kept is None or connection.has_heard:
                    raise
            except BaseException:
                await connection.close()
                raise
        if head.status == 200:
            return connection
        body = await self._read_whole(connection)
        raise build_error(head, body, base_url=self.base_url)

    async def _take_kept(self) -> Connection | None:
        while self._idle:
            connection, until = self._idle.pop()
            if connection.is_reusable and asyncio.get_running_loop().time() < until:
                return connection
            await connection.close()
        return None

    async def _connect(self) -> Connection:
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                return await Connection.open(self._host, self._port, tls=self._tls)
        except OSError as exc:  # a time-out is one
            raise ConnectFailed(str(exc)) from exc

    @cached_property
    def _tls(self) -> ssl.SSLContext | None:
        return build_client_tls() if self._is_secure else None

    async def _read_whole(self, connection: Connection) -> bytes:
        body = bytearray()
        try:
            while piece := await connection.read_body():
                body += piece
                if len(body) > MAX_ANSWER_BYTES:
                    raise LineTooLong("the answer does not end")
        except BaseException:
            await connection.close()
            raise
        await self.release(connection)
        return bytes(body)


class LineStream:
    """The lines of one answer, as they arrive."""

    def __init__(self, http: OllamaHttp, connection: Connection) -> None:
        self._http = http
        self._connection: Connection | None = connection
        self._splitter = LineSplitter()

    async def read(self, *, timeout_s: float) -> list[bytes]:
        """Wait for the next piece that completes a line and return its lines; none at the end.

        Raises:
            Unavailable: Nothing whole arrived in ``timeout_s``, or the connection broke.
        """
        if self._connection is None:
            return []
        with self._http.translate_failures():
            async with asyncio.timeout(timeout_s):
                while piece := await self._connection.read_body():
                    if lines := self._splitter.feed(piece):
                        return lines
        return self._splitter.finish()

    async def finish(self) -> None:
        """Take the end of the body, so that the connection can serve the next request."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            if not connection.is_complete:
                async with asyncio.timeout(END_OF_BODY_S):
                    while await connection.read_body():
                        pass
        except (OSError, ProtocolBroken):
            await connection.close()
        except BaseException:
            await connection.close()
            raise
        else:
            await self._http.release(connection)

    async def aclose(self) -> None:
        """Hang up, unless the answer has been read to its end."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


class _ErrorBody(msgspec.Struct):
    error: str


def build_error(head: Head, body: bytes, *, base_url: str) -> OllamaError | Unavailable:
    """Return what an answer with a status other than 200 means."""
    retry_after = head.headers.get(b"retry-after", b"").decode("latin-1")
    retry_after_s = float(retry_after) if retry_after.isdecimal() else None
    try:
        text = msgspec.json.decode(body, type=_ErrorBody).error
    except BROKEN_JSON:
        # A reverse proxy in front of Ollama answers with pages of its own.
        if head.status not in PROXY_STATUSES:
            return broken_response(base_url)
        text = ""
    return OllamaError(head.status, text, retry_after_s=retry_after_s)


def broken_response(base_url: str) -> Unavailable:
    """Build the error for an answer that does not follow Ollama's protocol."""
    return Unavailable(
        f"What answers at {base_url} broke off or does not speak Ollama's protocol; "
        "check the address and restart Ollama.",
        code="broken_response",
    )
