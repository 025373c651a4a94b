"""Which rows belong to whom, read from the tables themselves.

Owns finding the tables of a tenant or a conversation by their columns and foreign keys, so that
erasure and export cannot forget one that comes later.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, delete, select, tuple_

from appliance.domain.ids import TenantId
from appliance.storage.tables import audit_log, metadata, tenants

OUTLIVING: Final = frozenset({tenants.name, audit_log.name})
"""What an erasure of a tenant treats by itself: the tenant's row goes last, the record stays."""


def tenant_tables() -> list[tuple[Table, bool]]:
    """Return the tables with rows of tenants, those that refer to others first.

    Returns:
        Each table, and whether its rows name the tenant themselves; else a row they refer to does.
    """
    found: list[tuple[Table, bool]] = []
    for table in reversed(metadata.sorted_tables):
        if table.name in OUTLIVING:
            continue
        if "tenant_id" in table.c:
            found.append((table, True))
        elif _owner(table) is not None:
            found.append((table, False))
    return found


def conversation_tables() -> list[Table]:
    """Return the tables whose rows belong to conversations, those that refer to others first."""
    return [table for table in reversed(metadata.sorted_tables) if "conversation_id" in table.c]


def of_tenant(table: Table, tenant_id: TenantId) -> ColumnElement[bool]:
    """Return the condition on a row of one of ``tenant_tables`` to be the tenant's."""
    if "tenant_id" in table.c:
        return table.c.tenant_id == tenant_id
    owner = _owner(table)
    assert owner is not None, table.name
    column, parent = owner
    (key,) = parent.primary_key.columns
    return table.c[column].in_(select(key).where(parent.c.tenant_id == tenant_id))


def find_keys(
    connection: Connection, table: Table, condition: ColumnElement[bool], limit: int
) -> list[tuple[Any, ...]]:
    """Return the primary keys of up to ``limit`` rows."""
    query = select(*table.primary_key.columns).where(condition).limit(limit)
    return [tuple(row) for row in connection.execute(query)]


def delete_keys(connection: Connection, table: Table, keys: Sequence[tuple[Any, ...]]) -> int:
    """Delete the rows of these primary keys and return how many there were."""
    if not keys:
        return 0
    key = list(table.primary_key.columns)
    if len(key) == 1:
        return connection.execute(
            delete(table).where(key[0].in_([value for (value,) in keys]))
        ).rowcount
    return connection.execute(delete(table).where(tuple_(*key).in_(keys))).rowcount


def _owner(table: Table) -> tuple[str, Table] | None:
    """Return the column that refers to a row with a tenant, and the table of that row."""
    for key in table.foreign_keys:
        parent = key.column.table
        if "tenant_id" in parent.c and parent.name not in OUTLIVING:
            return key.parent.name, parent
    return None
