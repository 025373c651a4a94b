"""Tables of the systems a tenant's tools reach.

Owns columns and constraints only; ``encrypted_connection_config`` holds credentials and is written
only through ``appliance.storage.secrets``.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, String, Table, Text

from appliance.storage.tables.metadata import (
    UtcDateTime,
    id_type,
    json_type,
    metadata,
    secret_column,
)

integrations = Table(
    "integrations",
    metadata,
    Column("id", id_type(), primary_key=True),
    Column("tenant_id", id_type(), ForeignKey("tenants.id"), nullable=False),
    Column("integration_type", String(20), nullable=False),
    Column("name", String(200), nullable=False),
    secret_column("encrypted_connection_config", nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("last_sync_test_at", UtcDateTime()),
    Column("last_sync_test_result", json_type()),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("updated_at", UtcDateTime(), nullable=False),
    Index(None, "tenant_id", "created_at", "id"),
)

integration_endpoints = Table(
    "integration_endpoints",
    metadata,
    Column("id", id_type(), primary_key=True),
    Column("tenant_id", id_type(), ForeignKey("tenants.id"), nullable=False),
    Column("integration_id", id_type(), ForeignKey("integrations.id"), nullable=False),
    Column("endpoint_name", String(200), nullable=False),
    Column("url_template", Text, nullable=False),
    Column("method", String(10), nullable=False),
    Column("description", Text, nullable=False),
    Column("parameters", json_type(), nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    Index(None, "integration_id", "endpoint_name", unique=True),
    Index(None, "tenant_id"),
)
