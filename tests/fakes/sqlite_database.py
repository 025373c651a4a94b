"""A real SQLite database in a temporary folder, with tenants to test with.

Owns the template: the schema is made once a process, by the migrations, and copied for each test.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from appliance.domain.ids import TenantId, new_id
from appliance.domain.tenant import Tenant
from appliance.storage import migrations
from appliance.storage.database import Database, DatabasePlace
from appliance.storage.engine import PRIVATE_FILE, PRIVATE_FOLDER, open_writer
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
        place: A Postgres database without rows in place of an SQLite file.
    """
    clock = SettableClock()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if place is None:
            place = make_migrated_file(folder / "database" / "csai.sqlite3")
        database = await Database.open(place, clock, folder / "keys" / "secrets.key")
        try:
            tenant_id, other_tenant_id = TenantId(new_id()), TenantId(new_id())
            await database.tenants.add(build_tenant(clock, tenant_id))
            await database.tenants.add(build_tenant(clock, other_tenant_id))
            yield TemporaryDatabase(database, clock, folder, tenant_id, other_tenant_id)
        finally:
            await database.close()


def make_migrated_file(path: Path, *, revision: str = migrations.HEAD) -> Path:
    """Make a database file with the schema of a revision and no rows; return its path."""
    path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    path.touch(mode=PRIVATE_FILE, exist_ok=False)
    path.write_bytes(_build_template(revision))
    return path


@functools.cache
def _build_template(revision: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.sqlite3"
        connection = open_writer(path)
        connection.raw.execute("BEGIN IMMEDIATE")
        migrations.run(connection.sql, revision)
        connection.raw.execute("COMMIT")
        connection.close()
        return path.read_bytes()


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
