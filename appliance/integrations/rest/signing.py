"""Requests that say who they are from.

Owns putting the credential into a request; fetching access tokens is left to ``access_tokens``.
"""

from __future__ import annotations

from typing import assert_never
from urllib.parse import quote

from appliance.integrations.access_tokens import write_basic
from appliance.integrations.connection_fields import find_host
from appliance.integrations.endpoint_request import RequestParts
from appliance.integrations.rest.connection import RestConnection
from appliance.ports.outbound_http import OutboundRequest


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
            headers["Authorization"] = write_basic(username, password)
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
