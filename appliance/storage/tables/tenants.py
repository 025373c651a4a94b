"""Tables of tenants and their keys.

Owns columns and constraints only; reading and writing is left to
``appliance.storage.repositories.tenants``.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, String, Table

from appliance.storage.tables.metadata import (
    UtcDateTime,
    id_type,
    json_type,
    metadata,
    secret_column,
)

tenants = Table(
    "tenants",
    metadata,
    Column("id", id_type(), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("domain", String(253)),
    Column("allowed_origins", json_type(), nullable=False),
    Column("plan", String(50), nullable=False),
    Column("status", String(20), nullable=False),
    Column("language", String(35), nullable=False),
    Column("time_zone", String(64), nullable=False),
    Column("business_info", json_type(), nullable=False),
    Column("widget_config", json_type(), nullable=False),
    Column("llm", json_type(), nullable=False),
    Column("agent", json_type(), nullable=False),
    Column("escalation", json_type()),
    Column("retention", json_type()),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("updated_at", UtcDateTime(), nullable=False),
    Index(None, "created_at", "id"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", id_type(), primary_key=True),
    Column("tenant_id", id_type(), ForeignKey("tenants.id"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("prefix", String(20), nullable=False),
    Column("key_hash", String(64), unique=True),
    secret_column("encrypted_secret", nullable=True),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("expires_at", UtcDateTime()),
    CheckConstraint(
        "(kind = 'publishable' AND key_hash IS NOT NULL AND encrypted_secret IS NULL)"
        " OR (kind = 'signing' AND key_hash IS NULL AND encrypted_secret IS NOT NULL)",
        name="secret_fits_kind",
    ),
    Index(None, "tenant_id", "kind", "created_at"),
)
