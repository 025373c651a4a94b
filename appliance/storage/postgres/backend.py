"""An open Postgres database: its two pools, its schema, and who else serves it.

Owns opening, closing and health; the stores over it are in ``appliance.storage.database``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import Connection as SqlConnection
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from appliance.errors import ConfigurationError, StorageError
from appliance.storage import migrations
from appliance.storage.backend import BeforeUpgrade
from appliance.storage.postgres.connecting import build_connect, mask_url
from appliance.storage.postgres.errors import SETTING, build_start_error, translate
from appliance.storage.postgres.locks import (
    MIGRATING_LOCK,
    STARTING_LOCK,
    Connect,
    Presence,
    held,
    named_lock,
)
from appliance.storage.postgres.scripts import CLOSE_TIMEOUT_S, PostgresScripts
from appliance.storage.postgres.transactions import PostgresTransactions, build_engine

if TYPE_CHECKING:
    import asyncpg

logger = structlog.get_logger(__name__)

MINIMUM_VERSION = 130000
HEALTH_TIMEOUT_S = 2.0
POOL_SIZE = 8
START_TRIES = 600


class PostgresBackend:
    """Implements ``Backend`` on one database. Make it with ``open``."""

    def __init__(
        self, connect: Connect, engine: AsyncEngine, pool: asyncpg.Pool, presence: Presence
    ) -> None:
        self._connect = connect
        self._engine = engine
        self._presence = presence
        self.transactions = PostgresTransactions(engine)
        self.scripts = PostgresScripts(pool)

    @classmethod
    async def open(
        cls, url: str, *, before_upgrade: BeforeUpgrade | None = None
    ) -> PostgresBackend:
        """Connect, and bring the database to this version's schema.

        Args:
            url: As asyncpg takes it: ``postgresql://user:password@host:port/name?sslmode=require``.
            before_upgrade: Called when there is something to migrate; raising stops it.

        Raises:
            ConfigurationError: It cannot be reached or entered, is too old, holds another
                program's tables, or its schema is newer.
            StorageError: The migration failed; the database is as it was.
        """
        import asyncpg

        connect = build_connect(url)
        try:
            first = await connect()
        except Exception as error:
            raise build_start_error(error, mask_url(url)) from error
        engine = build_engine(connect, pool_size=POOL_SIZE)
        try:
            _check_version(first, url)
            await _migrate(url, before_upgrade)
            pool = await asyncpg.create_pool(
                connect=lambda *_, **__: connect(),
                reset=_leave_as_it_is,
                min_size=0,
                max_size=POOL_SIZE,
            )
        except BaseException:
            await engine.dispose()
            await first.close()
            raise
        return cls(connect, engine, pool, Presence(connect, first))

    def count_writes(self) -> int:
        """Return 0: writes wait only for others to the same rows."""
        return 0

    @asynccontextmanager
    async def starting(self) -> AsyncIterator[None]:
        """Wait for other servers that are starting, and let later ones wait for this one."""
        async with held(self._connect, STARTING_LOCK, tries=START_TRIES) as is_mine:
            if not is_mine:
                raise StorageError(
                    "Another server has been starting on this Postgres database for too long. "
                    "Look at its log, or stop it."
                )
            yield

    def alone(self) -> AbstractAsyncContextManager[bool]:
        """Say whether no other server serves this database; none can start meanwhile."""
        return self._presence.alone()

    def exclusively(self, name: str) -> AbstractAsyncContextManager[bool]:
        """Hold the work of this name, which ends with the process; false when another holds it."""
        return held(self._connect, named_lock(name))

    async def health(self) -> None:
        """Check that the database answers in time."""
        query = text("SELECT 1 FROM tenants LIMIT 1")
        try:
            async with asyncio.timeout(HEALTH_TIMEOUT_S):
                await self.transactions.read(lambda connection: connection.execute(query).first())
        except TimeoutError as error:
            raise StorageError("The Postgres database does not answer in time.") from error

    async def scrub(self) -> None:
        """Leave deleted rows to Postgres's own vacuum; its files are out of our reach."""

    async def close(self) -> None:
        """Finish what is running and disconnect."""
        await self.transactions.drain()
        await self.scripts.close()
        with suppress(TimeoutError):  # of a server that does not answer
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._engine.dispose()
        await self._presence.close()


async def _leave_as_it_is(_: asyncpg.Connection) -> None:
    """Spare a round trip: scripts leave nothing on a connection but open transactions."""


def _check_version(connection: Any, url: str) -> None:
    version = connection.get_server_version()
    if version.major * 10000 < MINIMUM_VERSION:
        raise ConfigurationError(
            f"The Postgres server at {mask_url(url)} is of version {version.major}; "
            f"{MINIMUM_VERSION // 10000} or newer is needed.",
            setting=SETTING,
        )


async def _migrate(url: str, before_upgrade: BeforeUpgrade | None) -> None:
    """Bring the schema to this version's, one server at a time, wholly or not at all.

    A migration, and the backup before it, may take its time.
    """

    def migrate(connection: SqlConnection) -> None:
        current = migrations.read_revision(connection)
        if current == migrations.HEAD:
            return
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATING_LOCK})
        current = migrations.read_revision(connection)
        if current == migrations.HEAD:
            return
        migrations.check_known(connection, current)
        if before_upgrade is not None and current is not None:
            before_upgrade(connection, current)
        migrations.run(connection)

    engine = build_engine(build_connect(url, deadline_s=None), pool_size=1)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(migrate)
    except SQLAlchemyError as error:
        translated = translate(error)
        if translated is error:
            raise StorageError("The database could not be brought up to date.") from error
        raise translated from error
    finally:
        await engine.dispose()
