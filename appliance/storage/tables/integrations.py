"""Tables of the systems a tenant's tools reach, and of the credentials for them.

Owns columns and constraints only; the encrypted columns are written only through
``appliance.storage.secrets``.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, text

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
    Column("query", Text),
    Column("response_mapping", Text),
    Column("cache_s", Integer, nullable=False, server_default=text("0")),
    Column("risk", String(20), nullable=False, server_default="read"),
    Column("offer", json_type()),
    Column("approved", String(64)),
    Column("created_at", UtcDateTime(), nullable=False),
    Index(None, "integration_id", "endpoint_name", unique=True),
    Index(None, "tenant_id"),
)

integration_calls = Table(
    "integration_calls",
    metadata,
    Column("id", id_type(), primary_key=True),
    Column("tenant_id", id_type(), ForeignKey("tenants.id"), nullable=False),
    Column("integration_id", id_type(), ForeignKey("integrations.id"), nullable=False),
    Column("endpoint_name", String(200), nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("status", Integer),
    Column("duration_ms", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", Text),
    Column("called_at", UtcDateTime(), nullable=False),
    Index(None, "integration_id", "called_at", "id"),
    Index(None, "tenant_id", "called_at", "id"),
)

# Not called credentials: the log and the audit log mask whatever is under such a name.
vault = Table(
    "vault",
    metadata,
    Column("id", id_type(), primary_key=True),
    Column("tenant_id", id_type(), ForeignKey("tenants.id"), nullable=False),
    Column("credential_type", String(100), nullable=False),
    Column("name", String(200), nullable=False),
    secret_column("encrypted_values", nullable=False),
    Column("hosts", json_type(), nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("updated_at", UtcDateTime(), nullable=False),
    Index(None, "tenant_id", "credential_type", "name", unique=True),
)
