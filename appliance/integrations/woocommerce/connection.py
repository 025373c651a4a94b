"""What it takes to reach a shop at WooCommerce: its address and a REST API key.

Owns the fields and what they may hold; asking is left to ``kind``.

Source: woocommerce.github.io/woocommerce-rest-api-docs, "Authentication over HTTPS".
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from appliance.domain.json_types import JsonObject
from appliance.field_errors import read_fields
from appliance.integrations.access_tokens import is_header_text, write_basic
from appliance.integrations.connection_fields import (
    Secret,
    WebAddress,
    check_address,
    find_host,
    find_secret_fields,
    refuse_field,
)

ROOT: Final = "/wp-json/wc/v3"
PREFIXES: Final = {"consumer_key": "ck_", "consumer_secret": "cs_"}


class WooCommerceConnection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A shop at WooCommerce.

    ``store_url`` is the address of its WordPress, https. ``consumer_key`` and ``consumer_secret``
    are the two halves of a REST API key. ``timeout_s`` bounds a call with all its attempts.
    """

    store_url: WebAddress
    consumer_key: Secret
    consumer_secret: Secret
    timeout_s: Annotated[float, Meta(gt=0, le=60)] = 15.0

    @property
    def api_url(self) -> str:
        """Where the paths of the endpoints begin."""
        return self.store_url + ROOT

    @property
    def host(self) -> str:
        """Where the key goes."""
        return find_host(self.store_url)

    @property
    def authorization(self) -> str:
        """The header that a request is signed by."""
        return write_basic(self.consumer_key, self.consumer_secret)


SECRET_FIELDS: Final = find_secret_fields(WooCommerceConnection)


def read_connection(config: JsonObject) -> WooCommerceConnection:
    """Return the connection that ``config`` describes.

    Raises:
        InvalidInput: A field does not fit, or is missing.
    """
    connection = read_fields(config, WooCommerceConnection, name="connection_config")
    store_url = connection.store_url.strip().rstrip("/")
    check_address(store_url, field="store_url")
    if not store_url.startswith("https://"):
        raise refuse_field(
            "connection_config.store_url",
            "Give an address with https: the key could be read on the way.",
        )
    if "/wp-json" in store_url:
        raise refuse_field(
            "connection_config.store_url",
            "Give the shop's own address, without /wp-json and what follows.",
        )
    for name, prefix in PREFIXES.items():
        value = getattr(connection, name)
        if not value.startswith(prefix) or not is_header_text(value):
            raise refuse_field(
                f"connection_config.{name}",
                f"This is not the {name.replace('_', ' ')}, which begins with {prefix!r}.",
            )
    return msgspec.structs.replace(connection, store_url=store_url)
