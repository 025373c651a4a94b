"""Tables of operators, their login sessions and what they did.

Owns columns and constraints only; reading and writing is left to
``appliance.storage.repositories.users`` and ``.audit_log``.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, String, Table, Text

from appliance.storage.tables.metadata import UtcDateTime, id_type, json_type, metadata

users = Table(
    "users",
    metadata,
    Column("id", id_type(), primary_key=True),
    Column("username", String(200), nullable=False),
    Column("folded_username", String(400), nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("role", String(20), nullable=False),
    Column("tenant_id", id_type(), ForeignKey("tenants.id")),
    Column("display_name", String(100)),
    Column("is_active", Boolean, nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
)
"""``folded_username`` is the name without its letters' case, in every alphabet; unlike SQLite's
``lower()``, which knows ASCII only."""

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("id", id_type(), primary_key=True),
    Column("user_id", id_type(), ForeignKey("users.id"), nullable=False),
    Column("token_hash", String(64), nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("expires_at", UtcDateTime(), nullable=False),
    Column("revoked_at", UtcDateTime()),
    Index(None, "user_id"),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", id_type(), primary_key=True),
    Column("tenant_id", id_type()),
    Column("actor", String(200), nullable=False),
    Column("action", String(100), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("changes", json_type(), nullable=False),
    Column("at", UtcDateTime(), nullable=False),
    Index(None, "at", "id"),
    Index(None, "tenant_id", "at", "id"),
)
"""``tenant_id`` has no foreign key: the record outlives what it tells of."""
