"""The record of every write on the admin side, in the database.

Owns the rows of ``audit_log``; what is recorded, with secrets masked, is left to
``appliance.services``.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row, insert, select

from appliance.domain.ids import TenantId
from appliance.domain.user import AuditEntry
from appliance.ports.repositories import Page
from appliance.storage.repositories.pages import read_cursor, select_page
from appliance.storage.repositories.rows import build, columns_for
from appliance.storage.tables import audit_log
from appliance.storage.transactions import Transactions

_COLUMNS = columns_for(AuditEntry, audit_log)


class StoredAuditLog:
    """Implements ``AuditLog``; see there for what each method promises."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def append(self, entry: AuditEntry) -> None:
        """Add one entry; entries are never changed."""
        statement = insert(audit_log).values(**msgspec.structs.asdict(entry))
        await self._transactions.write(lambda connection: connection.execute(statement))

    async def list_page(
        self, *, limit: int, cursor: str | None, tenant_id: TenantId | None = None
    ) -> Page[AuditEntry]:
        """Return entries, newest first."""
        after = None if cursor is None else read_cursor(cursor)
        query = select(*_COLUMNS)
        if tenant_id is not None:
            query = query.where(audit_log.c.tenant_id == tenant_id)
        return await self._transactions.read(
            lambda connection: select_page(
                connection,
                query,
                audit_log,
                _build,
                limit=limit,
                after=after,
                time_column="at",
                is_newest_first=True,
            )
        )


def _build(row: Row[Any]) -> AuditEntry:
    return build(AuditEntry, row)
