"""The one client for addresses that a tenant configured.

Owns sending under the egress rules, redirects, deadlines and the translation of failures; which
addresses may be reached is decided by ``rules``, where a credential may go by ``binding``.
docs/adr/0004 says why there is exactly one.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import cached_property

import httpcore

from appliance.certificates import build_client_tls
from appliance.egress.binding import check_bound
from appliance.egress.body import read_body, read_pieces, too_large
from appliance.egress.connections import JudgedBackend, Resolver, resolve
from appliance.egress.rules import EgressRules
from appliance.egress.target import Target, read_host, read_redirect, read_target, refuse
from appliance.errors import Unavailable
from appliance.ports.outbound_http import OutboundRequest, OutboundResponse, OutboundStream

CONNECT_TIMEOUT_S = 10.0
# Node closes idle connections after five seconds; a request on a closing one would be lost.
KEEPALIVE_S = 4.0
MAX_CONNECTIONS = 200
MAX_IDLE_CONNECTIONS = 50
REDIRECT_STATUSES = (301, 302, 303, 307, 308)
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
OWN_HEADERS = frozenset(
    (
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "upgrade",
        "te",
        "trailer",
        "proxy-authorization",
        "accept-encoding",
    )
)
HEADERS_FOR_STRANGERS = frozenset(
    ("accept", "accept-encoding", "accept-language", "content-type", "user-agent")
)
BODY_HEADERS = frozenset(("content-type", "content-encoding", "content-language"))


class EgressClient:
    """Implements ``OutboundHttp``, ``OutboundStreams`` and ``OutboundConnections``.

    No proxy variable, netrc file or cookie of the machine takes part.

    Args:
        allow: Hosts, ``host:port`` and networks that the operator opened.
        trusted: URLs from the operator's own settings.
        resolver: Finds addresses; the machine's resolver by default.
        tls: Trusted certificates; the machine's and Mozilla's by default.
    """

    def __init__(
        self,
        allow: Sequence[str] = (),
        trusted: Sequence[str] = (),
        *,
        resolver: Resolver = resolve,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._backend = JudgedBackend(EgressRules(allow=allow, trusted=trusted), resolver)
        self._given_tls = tls
        self._open_pools: list[httpcore.AsyncConnectionPool] = []

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        """Send ``request`` as ``OutboundHttp.send`` promises.

        After ``max_redirects`` redirects the next redirect is the answer. A redirect to another
        origin takes no credentials along, and never leads from https to http.
        """
        target = read_target(request.url)
        max_bytes = request.max_response_bytes
        with translate_failures(target):
            async with asyncio.timeout(request.timeout_s):
                response, headers = await self._follow(request, target, encoding="gzip")
                try:
                    declared = headers.get("content-length", "")
                    is_bodiless = request.method.upper() == "HEAD"
                    if declared.isdecimal() and int(declared) > max_bytes and not is_bodiless:
                        raise too_large(max_bytes)
                    body = await read_body(
                        response.aiter_stream(),
                        encoding=headers.get("content-encoding", "").strip().lower(),
                        max_bytes=max_bytes,
                    )
                finally:
                    await response.aclose()
        headers.pop("content-encoding", None)
        return OutboundResponse(status=response.status, headers=headers, body=body)

    @asynccontextmanager
    async def stream(self, request: OutboundRequest) -> AsyncIterator[OutboundStream]:
        """Send ``request`` as ``OutboundStreams.stream`` promises; redirects as in ``send``."""
        target = read_target(request.url)
        with translate_failures(target):
            async with asyncio.timeout(request.timeout_s):
                response, headers = await self._follow(request, target, encoding="identity")
        try:
            if headers.get("content-encoding", "").strip().lower() not in ("", "identity"):
                raise Unavailable(
                    "The server answered in an encoding that was not asked for.",
                    code="broken_response",
                )
            pieces = read_pieces(response.aiter_stream(), max_bytes=request.max_response_bytes)
            yield OutboundStream(
                status=response.status,
                headers=headers,
                pieces=wait_briefly(pieces, target, timeout_s=request.timeout_s),
            )
        finally:
            await response.aclose()

    async def judge(
        self, host: str, port: int, *, credential_hosts: Sequence[str] | None = None
    ) -> tuple[str, ...]:
        """Return the addresses of ``host`` as ``OutboundConnections.judge`` promises."""
        if not 0 < port < 65_536:
            raise refuse("The address has no usable port.")
        name = read_host(host)
        check_bound(name, port, credential_hosts)
        try:
            return tuple(str(address) for address in await self._backend.judge(name, port))
        except httpcore.ConnectError as exc:
            raise Unavailable(f"The host {name!r} is not known.", code="connect_failed") from exc

    async def connect(
        self,
        host: str,
        port: int,
        *,
        timeout_s: float = CONNECT_TIMEOUT_S,
        credential_hosts: Sequence[str] | None = None,
    ) -> socket.socket:
        """Return a connected socket as ``OutboundConnections.connect`` promises."""
        failure: Exception | None = None
        try:
            async with asyncio.timeout(timeout_s):
                for address in await self.judge(host, port, credential_hosts=credential_hosts):
                    try:
                        return await connect_socket(address, port)
                    except OSError as exc:
                        failure = exc
        except TimeoutError as exc:
            failure = exc
        raise Unavailable(f"No connection to {host}:{port}.", code="connect_failed") from failure

    async def aclose(self) -> None:
        """Close all connections."""
        for pool in self._open_pools:
            await pool.aclose()

    async def _follow(
        self, request: OutboundRequest, target: Target, *, encoding: str
    ) -> tuple[httpcore.Response, dict[str, str]]:
        """Return the answer at the end of the redirects, to be closed, and its headers."""
        headers = {**check_headers(request.headers), "accept-encoding": encoding}
        method, body = request.method.upper(), request.body
        redirects_left = request.max_redirects
        while True:
            check_bound(target.host, target.port, request.credential_hosts)
            response = await self._send_once(method, target, headers, body)
            seen = read_headers(response.headers)
            location = seen.get("location")
            if response.status not in REDIRECT_STATUSES or location is None or not redirects_left:
                return response, seen
            await response.aclose()
            redirects_left -= 1
            source, target = target, read_redirect(target, location)
            headers = headers_after(headers, source, target)
            if response.status == 303 or (response.status < 303 and method == "POST"):
                method, body = "GET", None
                headers = {k: v for k, v in headers.items() if k not in BODY_HEADERS}

    async def _send_once(
        self, method: str, target: Target, headers: dict[str, str], body: bytes | None
    ) -> httpcore.Response:
        own = {"host": target.host_header}
        if body is not None or method in ("POST", "PUT", "PATCH"):
            own["content-length"] = str(len(body or b""))
        lines: list[tuple[bytes | str, bytes | str]] = [
            (name.encode(), value.encode()) for name, value in {**own, **headers}.items()
        ]
        request = httpcore.Request(
            method,
            httpcore.URL(
                scheme=target.scheme, host=target.host, port=target.port, target=target.path
            ),
            headers=lines,
            content=body or b"",
            extensions={"timeout": {"connect": CONNECT_TIMEOUT_S}},
        )
        pool = self._secure_pool if target.scheme == "https" else self._plain_pool
        return await pool.handle_async_request(request)

    @cached_property
    def _plain_pool(self) -> httpcore.AsyncConnectionPool:
        return self._build_pool(None)

    @cached_property
    def _secure_pool(self) -> httpcore.AsyncConnectionPool:
        # Certificates take milliseconds and megabytes to load: only when they are needed.
        return self._build_pool(self._given_tls or build_client_tls())

    def _build_pool(self, tls: ssl.SSLContext | None) -> httpcore.AsyncConnectionPool:
        pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_IDLE_CONNECTIONS,
            keepalive_expiry=KEEPALIVE_S,
            network_backend=self._backend,
        )
        self._open_pools.append(pool)
        return pool


def check_headers(headers: dict[str, str]) -> dict[str, str]:
    """Return ``headers`` in lower case, without those that belong to the client.

    Raises:
        Rejected: One could smuggle in more than a header.
    """
    checked: dict[str, str] = {"user-agent": "csai-appliance", "accept": "*/*"}
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value):
            raise refuse(f"The header {name!r} has characters that a header must not have.")
        if name.lower() not in OWN_HEADERS:
            checked[name.lower()] = value.strip()
    return checked


def headers_after(headers: dict[str, str], source: Target, target: Target) -> dict[str, str]:
    """Return what of ``headers`` follows a redirect from ``source`` to ``target``.

    Raises:
        Rejected: It leads from https to http.
    """
    if source.scheme == "https" and target.scheme != "https":
        raise refuse("The server redirects from https to http.")
    if source.origin == target.origin:
        return headers
    return {name: value for name, value in headers.items() if name in HEADERS_FOR_STRANGERS}


def read_headers(lines: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the answer's headers, names in lower case, repeated ones joined by a comma."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in lines:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


async def connect_socket(address: str, port: int) -> socket.socket:
    """Return a non-blocking socket that is connected to a literal address.

    Raises:
        OSError: Nobody answers there.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setblocking(False)
        await asyncio.get_running_loop().sock_connect(opened, (address, port))
    except BaseException:
        opened.close()
        raise
    return opened


async def wait_briefly(
    pieces: AsyncIterator[bytes], target: Target, *, timeout_s: float
) -> AsyncIterator[bytes]:
    """Yield ``pieces``, waiting for each no longer than ``timeout_s``.

    Raises:
        Unavailable: One did not come in time, or the answer broke off.
    """
    while True:
        with translate_failures(target):
            async with asyncio.timeout(timeout_s):
                piece = await anext(pieces, None)
        if piece is None:
            return
        yield piece


@contextmanager
def translate_failures(target: Target) -> Iterator[None]:
    """Turn transport failures inside the block into ``Unavailable``."""
    where = f"{target.scheme}://{target.host_header}"
    try:
        yield
    except (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout) as exc:
        raise Unavailable(f"No connection to {where}.", code="connect_failed") from exc
    except (TimeoutError, httpcore.TimeoutException) as exc:
        raise Unavailable(f"{where} took too long to answer.", code="timed_out") from exc
    except (httpcore.NetworkError, httpcore.ProtocolError) as exc:
        raise Unavailable(f"The answer of {where} broke off.", code="broken_response") from exc
