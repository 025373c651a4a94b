"""Requests that say who they are from.

Owns putting the credential into a request, and OAuth 2 access tokens: fetched when they are needed,
kept in memory until they expire or are refused.

Source: RFC 6749, section 4.4 (client credentials) and 2.3.1 (a client's password); RFC 6750.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from typing import Annotated, Final, assert_never
from urllib.parse import quote, quote_plus, urlencode

import msgspec
from msgspec import Meta, Struct

from appliance.errors import AuthFailed, Rejected, Unavailable, UpstreamError
from appliance.integrations.connection_fields import find_host
from appliance.integrations.endpoint_request import RequestParts
from appliance.integrations.rest.connection import RestConnection
from appliance.ports.clock import Clock
from appliance.ports.outbound_http import OutboundHttp, OutboundRequest

TOKEN_TIMEOUT_S: Final = 10.0
DEFAULT_LIFE_S: Final = 300.0
EARLY_S: Final = 30.0
"""How long before its end a token counts as expired: the request with it takes time too."""
MAX_TOKEN_BYTES: Final = 100_000


class TokenReply(Struct, frozen=True, kw_only=True):
    """What of a token server's answer matters."""

    access_token: Annotated[str, Meta(min_length=1, max_length=20_000)]
    token_type: str = "bearer"
    expires_in: float | None = None


class _Token(Struct, frozen=True):
    value: str
    good_until: float


class AccessTokens:
    """Fetches access tokens and keeps each while it is good, one fetch at a time for a client."""

    def __init__(self, http: OutboundHttp, clock: Clock) -> None:
        self._http = http
        self._clock = clock
        self._tokens: dict[str, _Token] = {}
        self._fetching: dict[str, asyncio.Lock] = {}

    async def get(self, connection: RestConnection, *, refused: str | None = None) -> str:
        """Return an access token; not ``refused``, which was sent and not accepted.

        Raises:
            UpstreamError: The token server gives none; says who should act.
        """
        key = _name_client(connection)
        async with self._fetching.setdefault(key, asyncio.Lock()):
            now = self._clock.monotonic()
            kept = self._tokens.get(key)
            if kept is not None and kept.good_until > now and kept.value != refused:
                return kept.value
            self._forget_old(now)
            self._tokens.pop(key, None)
            reply = await self._fetch(connection)
            life_s = DEFAULT_LIFE_S if reply.expires_in is None else reply.expires_in
            self._tokens[key] = _Token(reply.access_token, now + max(life_s - EARLY_S, 0))
            return reply.access_token

    def _forget_old(self, now: float) -> None:
        self._tokens = {key: kept for key, kept in self._tokens.items() if kept.good_until > now}
        self._fetching = {key: lock for key, lock in self._fetching.items() if lock.locked()}

    async def _fetch(self, connection: RestConnection) -> TokenReply:
        try:
            response = await self._http.send(build_token_request(connection))
        except UpstreamError as exc:
            raise Unavailable(
                f"The token server gave no access token: {exc.message}", code=exc.code
            ) from exc
        if response.status in (400, 401, 403):
            raise AuthFailed(
                f"The token server refused the client ({response.status}). "
                "The operator should check client_id, client_secret and scope."
            )
        if not 200 <= response.status < 300:
            raise Unavailable(
                f"The token server answered with the status {response.status}. "
                "The operator should check token_url."
            )
        try:
            reply = msgspec.json.decode(response.body, type=TokenReply)
        except (msgspec.DecodeError, RecursionError) as exc:
            raise Rejected(
                "The token server's answer holds no access token. "
                "The operator should check token_url."
            ) from exc
        if reply.token_type.lower() != "bearer" or not _is_header_text(reply.access_token):
            raise Rejected("The token server gives tokens of a kind that cannot be used.")
        return reply


def build_token_request(connection: RestConnection) -> OutboundRequest:
    """Return the request for an access token."""
    token_url, client_id = connection.token_url or "", connection.client_id or ""
    secret = connection.client_secret or ""
    form = {"grant_type": "client_credentials"}
    if connection.scope:
        form["scope"] = connection.scope
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
    }
    if connection.client_auth == "basic":
        headers["Authorization"] = _basic(quote_plus(client_id), quote_plus(secret))
    else:
        form |= {"client_id": client_id, "client_secret": secret}
    return OutboundRequest(
        method="POST",
        url=token_url,
        headers=headers,
        body=urlencode(form).encode(),
        timeout_s=TOKEN_TIMEOUT_S,
        max_response_bytes=MAX_TOKEN_BYTES,
        credential_hosts=(find_host(token_url),),
    )


def sign_request(
    connection: RestConnection, parts: RequestParts, *, token: str | None
) -> OutboundRequest:
    """Return the whole request; ``token`` is the access token of OAuth 2."""
    url = connection.base_url.rstrip("/") + parts.path
    headers = {"Accept": "application/json", **connection.headers, **parts.headers}
    match connection.auth:
        case "none":
            pass
        case "header":
            headers[connection.api_key_name] = connection.api_key or ""
        case "query":
            name, key = (
                quote(connection.api_key_name, safe=""),
                quote(connection.api_key or "", safe=""),
            )
            url += f"{'&' if '?' in parts.path else '?'}{name}={key}"
        case "basic":
            username, password = connection.username or "", connection.password or ""
            headers["Authorization"] = _basic(username, password)
        case "bearer":
            headers["Authorization"] = f"Bearer {connection.api_key}"
        case "oauth2":
            headers["Authorization"] = f"Bearer {token}"
        case _:
            assert_never(connection.auth)
    return OutboundRequest(
        method=parts.method,
        url=url,
        headers=headers,
        body=parts.body,
        credential_hosts=(find_host(connection.base_url),),
    )


def _basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def _is_header_text(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _name_client(connection: RestConnection) -> str:
    """Return a name for everything a token depends on, which gives nothing of it away."""
    basis = (
        connection.token_url, connection.client_id, connection.client_secret, connection.scope,
        connection.client_auth,
    )  # fmt: skip
    return hashlib.sha256(msgspec.json.encode(basis)).hexdigest()
