"""What it takes to reach a database: a server's address and a user, or a file's name.

Owns the fields and what goes with which; connecting is left to the databases' own modules.
"""

from __future__ import annotations

import ssl
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from appliance.certificates import build_client_tls
from appliance.domain.json_types import JsonObject
from appliance.field_errors import read_fields
from appliance.integrations.connection_fields import Secret, find_secret_fields, refuse_field

DatabaseName = Literal["postgresql", "mysql", "mariadb", "sqlite"]
Tls = Literal["auto", "require", "verify", "off"]
Text = Annotated[str, Meta(min_length=1, max_length=200)]
FileName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$(?!\n)")]

PORTS: Final[dict[DatabaseName, int]] = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306}
SERVER_FIELDS: Final = ("host", "database", "username")
FILE_FIELDS: Final = ("file",)


class DatabaseConnection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A database.

    A server has ``host``, ``port``, ``database``, ``username`` and ``password``; SQLite has
    ``file``, a name in the tenant's folder. ``tls``: ``auto`` encrypts where the server offers it,
    ``require`` always, ``verify`` also checks the certificate, which ``ca_certificate`` (PEM) may
    have signed, ``off`` never. ``timeout_s`` bounds a call, ``max_rows`` what it may bring.
    """

    engine: DatabaseName
    host: Text | None = None
    port: Annotated[int, Meta(ge=1, le=65_535)] | None = None
    database: Text | None = None
    username: Text | None = None
    password: Secret | None = None
    tls: Tls = "auto"
    ca_certificate: Annotated[str, Meta(max_length=100_000)] | None = None
    file: FileName | None = None
    timeout_s: Annotated[float, Meta(gt=0, le=30)] = 10.0
    max_rows: Annotated[int, Meta(ge=1, le=10_000)] = 500

    @property
    def server(self) -> tuple[str, int]:
        """The host and port; a connection that ``read_connection`` let pass has them."""
        return self.host or "", self.port or PORTS.get(self.engine, 0)

    def find_hosts(self) -> tuple[str, ...]:
        """Return where the password is sent."""
        if self.host is None:
            return ()
        host, port = self.server
        return (f"{f'[{host}]' if ':' in host else host}:{port}",)

    def build_tls(self) -> ssl.SSLContext | None:
        """Return how to encrypt, with what is checked of the server; ``None`` for not at all."""
        if self.tls == "off":
            return None
        if self.tls == "verify":
            context = build_client_tls()
            if self.ca_certificate is not None:
                context.load_verify_locations(cadata=self.ca_certificate)
            return context
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context


SECRET_FIELDS: Final = find_secret_fields(DatabaseConnection)


def read_connection(config: JsonObject) -> DatabaseConnection:
    """Return the connection that ``config`` describes.

    Raises:
        InvalidInput: A field does not fit, is missing, or is for another kind of database.
    """
    connection = read_fields(config, DatabaseConnection, name="connection_config")
    is_file = connection.engine == "sqlite"
    for name in FILE_FIELDS if is_file else SERVER_FIELDS:
        if getattr(connection, name) is None:
            raise refuse_field(
                f"connection_config.{name}", f"This field is required for {connection.engine!r}."
            )
    strange = ("port", "password", "ca_certificate", *SERVER_FIELDS) if is_file else FILE_FIELDS
    for name in strange:
        if getattr(connection, name) is not None:
            raise refuse_field(
                f"connection_config.{name}", f"{connection.engine!r} has no such field."
            )
    if any(character.isspace() or character in "/@?#" for character in connection.host or ""):
        raise refuse_field("connection_config.host", "Give the name or address of a host alone.")
    _check_certificate(connection)
    return connection


def _check_certificate(connection: DatabaseConnection) -> None:
    if connection.ca_certificate is None:
        return
    if connection.tls != "verify":
        raise refuse_field("connection_config.tls", "A ca_certificate is for 'verify' only.")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(
            cadata=connection.ca_certificate
        )
    except (ssl.SSLError, ValueError) as exc:
        raise refuse_field(
            "connection_config.ca_certificate", "Give one or more certificates as PEM text."
        ) from exc
