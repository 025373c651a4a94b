"""What it takes to reach a JSON API: its address and one way to sign in.

Owns the fields and what goes with which; signing requests is left to ``signing``.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct, field

from appliance.domain.json_types import JsonObject
from appliance.field_errors import read_fields
from appliance.integrations.access_tokens import TokenClient
from appliance.integrations.connection_fields import (
    Secret,
    WebAddress,
    check_address,
    check_one_line,
    find_host,
    find_secret_fields,
    refuse_field,
)
from appliance.integrations.endpoint_request import HEADER, OWN_HEADERS, TEMPLATE

Auth = Literal["none", "header", "query", "basic", "bearer", "oauth2"]
NEEDED: Final[dict[Auth, tuple[str, ...]]] = {
    "none": (),
    "header": ("api_key",),
    "query": ("api_key",),
    "bearer": ("api_key",),
    "basic": ("username", "password"),
    "oauth2": ("token_url", "client_id", "client_secret"),
}


class RestConnection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON API.

    ``auth`` says how to sign in: ``api_key`` in the header or query parameter ``api_key_name``, as
    a bearer token, ``username`` and ``password``, or OAuth 2 client credentials, whose client signs
    in at ``token_url`` as ``client_auth`` says. ``headers`` go with every request and hold no
    secrets. ``test_path`` is what a test of the connection asks for. ``timeout_s`` bounds a call
    with all its attempts.
    """

    base_url: WebAddress
    auth: Auth = "none"
    api_key: Secret | None = None
    api_key_name: Annotated[str, Meta(min_length=1, max_length=100)] = "X-API-Key"
    username: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    password: Secret | None = None
    token_url: WebAddress | None = None
    client_id: Annotated[str, Meta(min_length=1, max_length=500)] | None = None
    client_secret: Secret | None = None
    client_auth: Literal["basic", "body"] = "basic"
    scope: Annotated[str, Meta(max_length=1_000)] | None = None
    headers: dict[str, Annotated[str, Meta(max_length=1_000)]] = field(default_factory=dict)
    test_path: Annotated[str, Meta(max_length=1_000)] = ""
    timeout_s: Annotated[float, Meta(gt=0, le=60)] = 15.0

    @property
    def signing_header(self) -> str:
        """The header, in lower case, in which a request is signed; empty for none."""
        if self.auth in ("none", "query"):
            return ""
        return self.api_key_name.lower() if self.auth == "header" else "authorization"

    @property
    def token_client(self) -> TokenClient:
        """Who asks for access tokens; only for ``oauth2``."""
        return TokenClient(
            token_url=self.token_url or "",
            client_id=self.client_id or "",
            client_secret=self.client_secret or "",
            scope=self.scope,
            client_auth=self.client_auth,
        )

    def find_hosts(self) -> tuple[str, ...]:
        """Return where the secrets are sent."""
        urls = (self.base_url, self.token_url)
        return tuple(find_host(url) for url in urls if url is not None)


SECRET_FIELDS: Final = find_secret_fields(RestConnection)


def read_connection(config: JsonObject) -> RestConnection:
    """Return the connection that ``config`` describes.

    Raises:
        InvalidInput: A field does not fit, or is missing for this way to sign in.
    """
    connection = read_fields(config, RestConnection, name="connection_config")
    check_one_line(config)
    check_address(connection.base_url, field="base_url")
    if connection.token_url is not None:
        check_address(connection.token_url, field="token_url")
    for name in NEEDED[connection.auth]:
        if getattr(connection, name) is None:
            raise refuse_field(
                f"connection_config.{name}",
                f"This field is required to sign in by {connection.auth!r}.",
            )
    if not HEADER.fullmatch(connection.api_key_name):
        raise refuse_field("connection_config.api_key_name", "Give a name without blanks.")
    taken = OWN_HEADERS | {connection.signing_header}
    for name in connection.headers:
        if not HEADER.fullmatch(name) or name.lower() in taken:
            raise refuse_field(
                f"connection_config.headers.{name}", f"The header {name!r} cannot be set here."
            )
    path = connection.test_path
    if (path and not path.startswith("/")) or not TEMPLATE.fullmatch(path):
        raise refuse_field("connection_config.test_path", "Give a path that begins with a slash.")
    return connection
