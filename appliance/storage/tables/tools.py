"""Tables of the tool catalogue, each tenant's choice from it, and workflows.

Owns columns and constraints only; reading and writing is left to
``appliance.storage.repositories``.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from appliance.storage.tables.metadata import UtcDateTime, id_type, json_type, metadata

tools = Table(
    "tools",
    metadata,
    Column("id", id_type(), primary_key=True),
    Column("tool_name", String(200), nullable=False, unique=True),
    Column("description", Text, nullable=False),
    Column("parameters_schema", json_type(), nullable=False),
    Column("category", String(100), nullable=False),
    Column("risk", String(20), nullable=False),
    Column("required_integrations", json_type(), nullable=False),
    Column("examples", json_type(), nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    Index(None, "created_at", "id"),
)

tenant_tools = Table(
    "tenant_tools",
    metadata,
    Column("tenant_id", id_type(), ForeignKey("tenants.id"), nullable=False),
    Column("tool_id", id_type(), ForeignKey("tools.id"), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("executor", String(20), nullable=False),
    Column("webhook_url", Text),
    Column("workflow", String(200)),
    Column("custom_config", json_type(), nullable=False),
    Column("integration_mapping", json_type(), nullable=False),
    Column("risk_override", String(20)),
    PrimaryKeyConstraint("tenant_id", "tool_id"),
    Index(None, "tool_id"),
)

workflows = Table(
    "workflows",
    metadata,
    Column("id", id_type(), primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("definition", json_type(), nullable=False),
    Column("is_bundled", Boolean, nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
)
