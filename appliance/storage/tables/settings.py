"""Tables of what the appliance itself remembers.

Owns columns and constraints only; reading and writing is left to
``appliance.storage.repositories.settings`` and ``appliance.storage.secrets``.
"""

from __future__ import annotations

from sqlalchemy import Column, String, Table, Text

from appliance.storage.tables.metadata import (
    UtcDateTime,
    id_type,
    json_type,
    metadata,
    secret_column,
)

settings = Table(
    "settings",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("value", json_type()),
    secret_column("encrypted_value", nullable=True),
)

data_keys = Table(
    "data_keys",
    metadata,
    Column("id", id_type(), primary_key=True),
    Column("wrapped_key", Text, nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
)
"""The keys that encrypt stored secrets, each encrypted by the key outside the database."""
