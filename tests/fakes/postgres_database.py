"""A real Postgres database of its own, with tenants to test with.

Owns the template: the schema is made once a process, by the migrations, and copied for each test.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from appliance.storage.postgres.backend import PostgresBackend
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
async def migrated_postgres() -> AsyncIterator[str]:
    """Make a database with this version's schema and no rows, yield its address, remove it."""
    server = running_postgres()
    url = await server.create_database(template=_build_template())
    try:
        yield url
    finally:
        await server.drop_database(url)


@asynccontextmanager
async def open_postgres_database() -> AsyncIterator[TemporaryDatabase]:
    """Open a new Postgres database with two tenants; close and remove it afterwards."""
    async with migrated_postgres() as url, open_temporary_database(url) as temporary:
        yield temporary


@functools.cache
def _build_template() -> str:
    """Return the address of a migrated database, made in a thread: the caller is in a loop."""

    async def build() -> str:
        url = await running_postgres().create_database()
        await (await PostgresBackend.open(url)).close()
        return url

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, build()).result()
