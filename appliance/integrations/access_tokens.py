"""OAuth 2 access tokens: fetched when they are needed, kept until they expire or are refused.

Owns asking token servers; what a token is put into is left to the types. Kept in memory only.

Source: RFC 6749, section 4.4 (client credentials) and 2.3.1 (a client's password); RFC 6750.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from typing import Annotated, Final, Literal
from urllib.parse import quote_plus, urlencode

import msgspec
from msgspec import Meta, Struct

from appliance.domain.json_types import BROKEN_JSON
from appliance.errors import AuthFailed, Rejected, Unavailable, UpstreamError
from appliance.integrations.connection_fields import find_host
from appliance.ports.clock import Clock
from appliance.ports.outbound_http import OutboundHttp, OutboundRequest

TOKEN_TIMEOUT_S: Final = 10.0
DEFAULT_LIFE_S: Final = 300.0
EARLY_S: Final = 30.0
"""How long before its end a token counts as expired: the request with it takes time too."""
MAX_TOKEN_BYTES: Final = 100_000


class TokenClient(Struct, frozen=True, kw_only=True):
    """Who asks a token server, and how it signs in there.

    ``address_field`` is the field of the connection that an operator mends the address in.
    """

    token_url: str
    client_id: str
    client_secret: str
    scope: str | None = None
    client_auth: Literal["basic", "body"] = "basic"
    address_field: str = "token_url"


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

    async def get(self, client: TokenClient, *, refused: str | None = None) -> str:
        """Return an access token; not ``refused``, which was sent and not accepted.

        Raises:
            UpstreamError: The token server gives none; says who should act.
        """
        key = _name_client(client)
        async with self._fetching.setdefault(key, asyncio.Lock()):
            now = self._clock.monotonic()
            kept = self._tokens.get(key)
            if kept is not None and kept.good_until > now and kept.value != refused:
                return kept.value
            self._forget_old(now)
            self._tokens.pop(key, None)
            reply = await self._fetch(client)
            life_s = DEFAULT_LIFE_S if reply.expires_in is None else reply.expires_in
            self._tokens[key] = _Token(reply.access_token, now + max(life_s - EARLY_S, 0))
            return reply.access_token

    def _forget_old(self, now: float) -> None:
        self._tokens = {key: kept for key, kept in self._tokens.items() if kept.good_until > now}
        self._fetching = {key: lock for key, lock in self._fetching.items() if lock.locked()}

    async def _fetch(self, client: TokenClient) -> TokenReply:
        try:
            response = await self._http.send(build_token_request(client))
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
                f"The operator should check {client.address_field}."
            )
        try:
            reply = msgspec.json.decode(response.body, type=TokenReply)
        except BROKEN_JSON as exc:
            raise Rejected(
                "The token server's answer holds no access token. "
                f"The operator should check {client.address_field}."
            ) from exc
        if reply.token_type.lower() != "bearer" or not is_header_text(reply.access_token):
            raise Rejected("The token server gives tokens of a kind that cannot be used.")
        return reply


def build_token_request(client: TokenClient) -> OutboundRequest:
    """Return the request for an access token."""
    form = {"grant_type": "client_credentials"}
    if client.scope:
        form["scope"] = client.scope
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
    }
    if client.client_auth == "basic":
        headers["Authorization"] = write_basic(
            quote_plus(client.client_id), quote_plus(client.client_secret)
        )
    else:
        form |= {"client_id": client.client_id, "client_secret": client.client_secret}
    return OutboundRequest(
        method="POST",
        url=client.token_url,
        headers=headers,
        body=urlencode(form).encode(),
        timeout_s=TOKEN_TIMEOUT_S,
        max_response_bytes=MAX_TOKEN_BYTES,
        credential_hosts=(find_host(client.token_url),),
    )


def write_basic(username: str, password: str) -> str:
    """Return the value of an ``Authorization`` header."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def is_header_text(text: str) -> bool:
    """Say whether a credential can stand in a header."""
    return text.isascii() and text.isprintable() and " " not in text


def _name_client(client: TokenClient) -> str:
    """Return a name for everything a token depends on, which gives nothing of it away."""
    return hashlib.sha256(msgspec.json.encode(client)).hexdigest()
