"""A real SQLite database in a temporary folder, with tenants to test with."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from appliance.domain.ids import TenantId, new_id
from appliance.domain.tenant import Tenant
from appliance.storage.database import Database, DatabasePlace
from appliance.storage.engine import open_writer
from appliance.storage.readers import Readers
from appliance.storage.tables import api_usage
from appliance.storage.transactions import SqliteTransactions, Transactions
from appliance.storage.writer import Writer
from tests.fakes.clock import SettableClock

MEASURES = [column for column in api_usage.c if not column.primary_key]


@dataclass(frozen=True)
class TemporaryDatabase:
    """An open database; ``folder`` holds all its files but those of a Postgres server."""

    database: Database
    clock: SettableClock
    folder: Path
    tenant_id: TenantId
    other_tenant_id: TenantId

    async def read_usage(self, tenant_id: TenantId) -> dict[tuple[str, str, str], dict[str, int]]:
        """Return the tenant's usage rows by day, provider and model."""
        return await select_usage(self.database.backend.transactions, tenant_id)


@asynccontextmanager
async def open_temporary_database(
    place: DatabasePlace | None = None,
) -> AsyncIterator[TemporaryDatabase]:
    """Open a new database with two tenants; close and delete it afterwards.

    Args:
        place: An empty Postgres database in place of an SQLite file.
    """
    clock = SettableClock()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = await Database.open(
            place or folder / "database" / "csai.sqlite3", clock, folder / "keys" / "secrets.key"
        )
        try:
            tenant_id, other_tenant_id = TenantId(new_id()), TenantId(new_id())
            await database.tenants.add(build_tenant(clock, tenant_id))
            await database.tenants.add(build_tenant(clock, other_tenant_id))
            yield TemporaryDatabase(database, clock, folder, tenant_id, other_tenant_id)
        finally:
            await database.close()


def build_tenant(clock: SettableClock, tenant_id: TenantId) -> Tenant:
    """Return a tenant with nothing but its name."""
    return Tenant(
        id=tenant_id, name="Bob's Pizza Shop", created_at=clock.now(), updated_at=clock.now()
    )


async def read_usage(path: Path, tenant_id: TenantId) -> dict[tuple[str, str, str], dict[str, int]]:
    """Return a tenant's usage rows by day, provider and model, from the file itself."""
    writer, readers = Writer(open_writer(path)), Readers(path, count=1)
    try:
        return await select_usage(SqliteTransactions(writer, readers), tenant_id)
    finally:
        readers.close()
        writer.close()


async def select_usage(
    transactions: Transactions, tenant_id: TenantId
) -> dict[tuple[str, str, str], dict[str, int]]:
    """Return a tenant's usage rows by day, provider and model."""
    query = select(api_usage.c.day, api_usage.c.provider, api_usage.c.model, *MEASURES).where(
        api_usage.c.tenant_id == tenant_id
    )
    rows = await transactions.read(lambda connection: connection.execute(query).all())
    names = [column.name for column in MEASURES]
    return {(row[0], row[1], row[2]): dict(zip(names, row[3:], strict=True)) for row in rows}
