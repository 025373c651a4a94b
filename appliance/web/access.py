"""The outermost layer of both listeners: request ids, origins, keys and body types.

Owns what is judged before any route: who may call, from which page, with what kind of body. What a
route does is left to the controllers.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec
import structlog

from appliance.domain.ids import new_id
from appliance.errors import (
    ApplianceError,
    NotAuthenticated,
    PermissionDenied,
    UnsupportedMediaType,
)
from appliance.services.tenant_directory import KnownTenant, TenantDirectory
from appliance.web.problems import MEDIA_TYPE, build_problem, log_problem

logger = structlog.get_logger(__name__)

JSON_BODY: Final = "application/json"
STREAM_PATHS: Final = ("/chat/events/", "/api/admin/logs/stream")
TENANT_PATHS: Final = ("/chat/", "/api/")
ALLOWED_METHODS: Final = b"GET, POST, OPTIONS"
ALLOWED_HEADERS: Final = b"Accept, Content-Type, X-API-Key, Last-Event-ID, If-None-Match"
EXPOSED_HEADERS: Final = b"ETag, Retry-After, X-Request-ID"
PREFLIGHT_MAX_AGE_S: Final = b"600"
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

Headers = list[tuple[bytes, bytes]]
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]


class RequestIds:
    """Gives every request an id, in the logs and in ``X-Request-ID``; a caller's own is kept.

    It also answers HEAD as GET without the body, which monitors and link checkers expect, but for
    the streams: they have no end that a HEAD could wait for.
    """

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = find_header(scope, b"x-request-id")
        request_id = given if given and _REQUEST_ID.fullmatch(given) else new_id().encode()

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-request-id", request_id)]
            elif is_head:
                message["body"] = b""
            await send(message)

        is_head = scope["method"] == "HEAD" and not scope["path"].startswith(STREAM_PATHS)
        if is_head:
            scope["method"] = "GET"
        with structlog.contextvars.bound_contextvars(request_id=request_id.decode()):
            await self._app(scope, receive, send_with_id)


class OwnOrigins(NamedTuple):
    """The origins of the appliance's own pages."""

    exact: frozenset[str]
    is_any_address: bool

    def has(self, origin: str, host: bytes) -> bool:
        """Say whether ``origin`` is one of them; ``host`` is the request's Host header.

        A listener on all addresses is reached under any of the machine's addresses, but never under
        a name that the operator did not set: a foreign name may have been rebound to this machine.
        """
        if origin in self.exact:
            return True
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return (
            self.is_any_address
            and parts.netloc.encode() == host
            and parts.hostname is not None
            and _is_address(parts.hostname)
        )


def build_own_origins(*, host: str, port: int, public_url: str | None) -> OwnOrigins:
    """Return the origins under which this listener's own pages are seen."""
    address = ipaddress.ip_address(host) if _is_address(host) else None
    names = {f"[{host}]" if ":" in host else host}
    if address is not None and (address.is_loopback or address.is_unspecified):
        names |= {"localhost", "127.0.0.1", "[::1]"}
    exact = {f"http://{name}:{port}" for name in names}
    if port == 80:
        exact |= {f"http://{name}" for name in names}
    if public_url:
        parts = urlsplit(public_url)
        exact.add(f"{parts.scheme}://{parts.netloc}")
    return OwnOrigins(frozenset(exact), address is not None and address.is_unspecified)


def build_unknown_key(*, is_given: bool = True) -> NotAuthenticated:
    """Return the error of a visitor without the key of an active shop."""
    return NotAuthenticated(
        "There is no active shop with this key."
        if is_given
        else "Give the shop's publishable key (pk_…) in the X-API-Key header.",
        code="unknown_key",
    )


class TenantAccess:
    """Finds the tenant of a visitor's request and answers for its origin.

    The tenant is put into ``scope["state"]["known_tenant"]``. A browser reads an error only with
    CORS headers, so a page of an allowed origin gets them on every answer, others on none.
    """

    def __init__(
        self, app: AsgiApp, *, directory: TenantDirectory, own_origins: OwnOrigins
    ) -> None:
        self._app = app
        self._directory = directory
        self._own_origins = own_origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or not is_tenant_path(scope["path"]):
            await self._app(scope, receive, send)
            return
        origin = (find_header(scope, b"origin") or b"").decode("latin-1")
        try:
            if scope["method"] == "OPTIONS":
                await self._answer_preflight(scope, send, origin)
                return
            known = await self._authenticate(scope)
            is_allowed = not origin or self._is_allowed(scope, known, origin)
            if not is_allowed:
                logger.warning("origin_refused", origin=origin, tenant_id=known.tenant.id)
                raise PermissionDenied(
                    f"Pages of {origin} may not use this assistant. Add the origin to the tenant's "
                    "allowed_origins.",
                    code="origin_not_allowed",
                )
        except ApplianceError as error:
            await send_problem(scope, send, error)
            return
        # A dictionary of its own: a server may hand the same one to every request.
        scope["state"] = {**scope.get("state", {}), "known_tenant": known}
        await self._app(scope, receive, _with_cors(send, origin) if origin else send)

    async def _authenticate(self, scope: Scope) -> KnownTenant:
        key = find_header(scope, b"x-api-key")
        known = await self._directory.find_by_key(key.decode("latin-1")) if key else None
        if known is None:
            raise build_unknown_key(is_given=bool(key))
        return known

    def _is_allowed(self, scope: Scope, known: KnownTenant, origin: str) -> bool:
        host = find_header(scope, b"host") or b""
        return known.tenant.allows_origin(origin) or self._own_origins.has(origin, host)

    async def _answer_preflight(self, scope: Scope, send: Send, origin: str) -> None:
        host = find_header(scope, b"host") or b""
        is_allowed = bool(origin) and (
            self._own_origins.has(origin, host)
            or await self._directory.is_origin_of_any_tenant(origin)
        )
        headers: Headers = [(b"vary", b"Origin"), (b"content-length", b"0")]
        if is_allowed:
            headers += [
                (b"access-control-allow-origin", origin.encode("latin-1")),
                (b"access-control-allow-methods", ALLOWED_METHODS),
                (b"access-control-allow-headers", ALLOWED_HEADERS),
                (b"access-control-max-age", PREFLIGHT_MAX_AGE_S),
            ]
        await _send(send, 204 if is_allowed else 403, headers, b"")


class JsonBodies:
    """Refuses a body of another type before it is read: 415.

    JSON is what addresses take, but for those that match a pattern of ``others``: these take the
    type it leads to.
    """

    def __init__(
        self, app: AsgiApp, *, others: Mapping[re.Pattern[str], str] = MappingProxyType({})
    ) -> None:
        self._app = app
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http" and scope["method"] in ("POST", "PUT", "PATCH"):
            content_type = (find_header(scope, b"content-type") or b"").split(b";")[0].strip()
            has_body = (
                find_header(scope, b"content-length") not in (None, b"0")
                or find_header(scope, b"transfer-encoding") is not None
            )
            wanted = next(
                (kind for path, kind in self._others.items() if path.fullmatch(scope["path"])),
                JSON_BODY,
            )
            if has_body and content_type.lower() != wanted.encode():
                refusal = UnsupportedMediaType(f"Send the body as {wanted}.")
                await send_problem(scope, send, refusal)
                return
        await self._app(scope, receive, send)


def is_tenant_path(path: str) -> bool:
    """Say whether ``path`` is one of a tenant's; the router takes several slashes for one too."""
    return re.sub("/{2,}", "/", path).startswith(TENANT_PATHS)


def find_header(scope: Mapping[str, Any], name: bytes) -> bytes | None:
    """Return the first header called ``name`` (lower case), or ``None``."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


async def send_problem(scope: Scope, send: Send, error: Exception) -> None:
    """Answer with a problem from outside the framework."""
    problem, headers = build_problem(error)
    log_problem(problem, error, path=scope["path"])
    encoded: Headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    encoded.append((b"content-type", MEDIA_TYPE.encode()))
    await _send(send, problem.status, encoded, msgspec.json.encode(problem))


async def _send(send: Send, status: int, headers: Headers, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _with_cors(send: Send, origin: str) -> Send:
    async def send_with_cors(message: Message) -> None:
        if message["type"] == "http.response.start":
            cors: Headers = [
                (b"access-control-allow-origin", origin.encode("latin-1")),
                (b"access-control-expose-headers", EXPOSED_HEADERS),
                (b"vary", b"Origin"),
            ]
            message["headers"] = [*message["headers"], *cors]
        await send(message)

    return send_with_cors


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
