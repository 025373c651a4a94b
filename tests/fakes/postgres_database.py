"""A real Postgres database of its own, with tenants to test with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.fakes.postgres_server import running_postgres
from tests.fakes.sqlite_database import TemporaryDatabase, open_temporary_database


@asynccontextmanager
async def empty_postgres() -> AsyncIterator[str]:
    """Make an empty database, yield its address, remove it."""
    server = running_postgres()
    url = await server.create_database()
    try:
        yield url
    finally:
        await server.drop_database(url)


@asynccontextmanager
async def open_postgres_database() -> AsyncIterator[TemporaryDatabase]:
    """Open a new Postgres database with two tenants; close and remove it afterwards."""
    async with empty_postgres() as url, open_temporary_database(url) as temporary:
        yield temporary
