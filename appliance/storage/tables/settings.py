"""The table of what the appliance itself remembers.

Owns columns and constraints only; reading and writing is left to
``appliance.storage.repositories.settings``.
"""

from __future__ import annotations

from sqlalchemy import Column, String, Table, Text

from appliance.storage.tables.metadata import json_type, metadata

settings = Table(
    "settings",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("value", json_type()),
    Column("encrypted_value", Text),
)
