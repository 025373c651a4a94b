"""What it takes to reach a shop at Shopify: its address and an app's credential.

Owns the fields and what they may hold; asking is left to ``kind``.

Source: shopify.dev, "Client credentials grant", "About Shopify API versioning".
"""

from __future__ import annotations

import re
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from appliance.domain.json_types import JsonObject
from appliance.field_errors import read_fields
from appliance.integrations.access_tokens import TokenClient, is_header_text
from appliance.integrations.connection_fields import Secret, find_secret_fields, refuse_field

SHOP: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,99}\.myshopify\.com")
TOKEN_HEADER: Final = "X-Shopify-Access-Token"
DEFAULT_VERSION: Final = "2026-10"


class ShopifyConnection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A shop at Shopify.

    ``shop`` is its ``….myshopify.com`` name. Either ``access_token`` is an Admin API access token,
    or ``client_id`` and ``client_secret`` are an app's, with which tokens are fetched.
    ``api_version`` is a quarter's (``2026-10``). ``timeout_s`` bounds a call with all its attempts.
    """

    shop: Annotated[str, Meta(max_length=200)]
    access_token: Secret | None = None
    client_id: Annotated[str, Meta(min_length=1, max_length=500)] | None = None
    client_secret: Secret | None = None
    api_version: Annotated[str, Meta(pattern=r"^20\d\d-(01|04|07|10)$(?!\n)")] = DEFAULT_VERSION
    timeout_s: Annotated[float, Meta(gt=0, le=60)] = 15.0

    @property
    def url(self) -> str:
        """Where GraphQL is spoken."""
        return f"https://{self.shop}/admin/api/{self.api_version}/graphql.json"

    @property
    def host(self) -> str:
        """Where the credential goes."""
        return f"{self.shop}:443"

    @property
    def token_client(self) -> TokenClient | None:
        """Who fetches access tokens, where they are fetched."""
        if self.access_token is not None:
            return None
        return TokenClient(
            token_url=f"https://{self.shop}/admin/oauth/access_token",
            client_id=self.client_id or "",
            client_secret=self.client_secret or "",
            client_auth="body",
            address_field="shop",
        )


SECRET_FIELDS: Final = find_secret_fields(ShopifyConnection)


def read_connection(config: JsonObject) -> ShopifyConnection:
    """Return the connection that ``config`` describes.

    Raises:
        InvalidInput: A field does not fit, or is missing.
    """
    connection = read_fields(config, ShopifyConnection, name="connection_config")
    shop = connection.shop.strip().lower()
    if not SHOP.fullmatch(shop):
        raise refuse_field(
            "connection_config.shop",
            "Give the shop's own name at Shopify, such as 'my-shop.myshopify.com', and nothing "
            "else: no https, no path, and not the domain that customers see.",
        )
    token, has_client = connection.access_token, connection.client_id or connection.client_secret
    if (token is None) == (not has_client):
        raise refuse_field(
            "connection_config.access_token",
            "Give either an access_token, or the client_id and client_secret of an app.",
        )
    for name in ("client_id", "client_secret"):
        if token is None and getattr(connection, name) is None:
            raise refuse_field(f"connection_config.{name}", "Give both fields of the app.")
    if token is not None:
        _check_token(token)
    return msgspec.structs.replace(connection, shop=shop)


def _check_token(token: str) -> None:
    if token.startswith("shpss_"):
        raise refuse_field(
            "connection_config.access_token",
            "This is an app's secret key. Give the Admin API access token (shpat_…), or the key as "
            "client_secret with the client_id.",
        )
    if not is_header_text(token):
        raise refuse_field(
            "connection_config.access_token", "A token has no blanks and no letters beyond ASCII."
        )
