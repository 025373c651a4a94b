"""Tables that hold the rows of tenants' workflows.

Owns columns and constraints only; the meaning of rows and filters is left to
``appliance.storage.data_tables``.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, String, Table

from appliance.storage.tables.metadata import UtcDateTime, id_type, json_type, metadata

data_tables = Table(
    "data_tables",
    metadata,
    Column("id", id_type(), primary_key=True),
    Column("tenant_id", id_type(), ForeignKey("tenants.id"), nullable=False),
    Column("name", String(128), nullable=False),
    Column("columns", json_type(), nullable=False),
    Column("last_row_id", Integer, nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    Index(None, "tenant_id", "name", unique=True),
)

data_table_rows = Table(
    "data_table_rows",
    metadata,
    Column("table_id", id_type(), ForeignKey("data_tables.id"), nullable=False),
    Column("row_id", Integer, nullable=False),
    Column("tenant_id", id_type(), ForeignKey("tenants.id"), nullable=False),
    Column("cells", json_type(), nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("updated_at", UtcDateTime(), nullable=False),
    PrimaryKeyConstraint("table_id", "row_id"),
)
"""``row_id`` counts per table and is never given twice."""
