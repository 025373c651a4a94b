"""Leaving secrets behind that no key opens.

Owns what is removed from a restored database and what is said of it; deciding to is left to
``recovery``.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from appliance.errors import StorageError

_OWN = ("jwt_secret", "session_secret")
"""Secrets that the program makes anew by itself."""


def forget_secrets(database: Path) -> list[str]:
    """Remove every encrypted value; return what has to be entered again, in words.

    Raises:
        StorageError: The database cannot be changed.
    """
    try:
        with closing(sqlite3.connect(database, isolation_level=None)) as connection:
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("BEGIN IMMEDIATE")
            lost = _list(connection)
            _remove(connection)
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise StorageError("The restored database cannot be changed.") from error
    return lost


def _list(connection: sqlite3.Connection) -> list[str]:
    shops = connection.execute(
        "SELECT tenants.name FROM api_keys JOIN tenants ON tenants.id = api_keys.tenant_id"
        " WHERE api_keys.encrypted_secret IS NOT NULL ORDER BY tenants.name"
    )
    integrations = connection.execute(
        "SELECT integrations.name, tenants.name FROM integrations"
        " JOIN tenants ON tenants.id = integrations.tenant_id ORDER BY 2, 1"
    )
    credentials = (
        connection.execute(
            "SELECT vault.name, tenants.name FROM vault"
            " JOIN tenants ON tenants.id = vault.tenant_id ORDER BY 2, 1"
        )
        if _has_table(connection, "vault")
        else []
    )
    names = connection.execute(
        "SELECT name FROM settings WHERE encrypted_value IS NOT NULL ORDER BY name"
    )
    return [
        *(f"the signing secret of {row[0]!r}" for row in shops),
        *(f"the connection {row[0]!r} of {row[1]!r}" for row in integrations),
        *(f"the credential {row[0]!r} of {row[1]!r}" for row in credentials),
        *(f"the setting {row[0]!r}" for row in names if row[0] not in _OWN),
    ]


def _remove(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM api_keys WHERE encrypted_secret IS NOT NULL")
    connection.execute("DELETE FROM settings WHERE encrypted_value IS NOT NULL")
    connection.execute("UPDATE integrations SET enabled = 0, encrypted_connection_config = ''")
    for table in ("data_keys", "vault"):
        if _has_table(connection, table):
            connection.execute(f"DELETE FROM {table}")


def _has_table(connection: sqlite3.Connection, name: str) -> bool:
    """Say whether the database, which may be of an older version, has the table."""
    query = "SELECT 1 FROM sqlite_schema WHERE name = ?"
    return connection.execute(query, (name,)).fetchone() is not None
