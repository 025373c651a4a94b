"""An open Postgres database: its two pools, its schema, and who else serves it.

Owns opening, closing and health; the stores over it are in ``appliance.storage.database``.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal

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
from appliance.storage.postgres.scripts import PostgresScripts
from appliance.storage.postgres.transactions import PostgresTransactions, build_engine

if TYPE_CHECKING:
    import asyncpg

logger = structlog.get_logger(__name__)

MINIMUM_VERSION = 130000
HEALTH_TIMEOUT_S = 2.0
POOL_SIZE = 8
ALONE_TRIES = 10
LOCK_PAUSE_S = 0.1
START_TRIES = 600

# Advisory locks of this program: "csai" and a number, so that no other program means the same.
SERVING_LOCK = 0x6373616900000001
_MIGRATING_LOCK = 0x6373616900000002
_STARTING_LOCK = 0x6373616900000003
_NAMED_LOCKS = 0x6373616A00000000

_UNLOCK = "SELECT pg_advisory_unlock($1)"


class PostgresBackend:
    """Implements ``Backend`` on one database. Make it with ``open``."""

    kind: Literal["postgres"] = "postgres"

    def __init__(
        self, engine: AsyncEngine, pool: asyncpg.Pool, presence: asyncpg.Connection
    ) -> None:
        self._engine = engine
        self._presence = presence
        self._held: set[str] = set()
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
            presence = await connect()
        except Exception as error:
            raise build_start_error(error, mask_url(url)) from error
        engine = build_engine(connect, pool_size=POOL_SIZE)
        try:
            _check_version(presence, url)
            await _migrate(url, before_upgrade)
            pool = await asyncpg.create_pool(
                connect=lambda *_, **__: connect(),
                reset=_leave_as_it_is,
                min_size=0,
                max_size=POOL_SIZE,
            )
        except BaseException:
            await engine.dispose()
            await presence.close()
            raise
        return cls(engine, pool, presence)

    def count_writes(self) -> int:
        """Return 0: writes wait only for others to the same rows."""
        return 0

    @asynccontextmanager
    async def starting(self) -> AsyncIterator[None]:
        """Wait for other servers that are starting, and let later ones wait for this one."""
        if not await self._take(_STARTING_LOCK, tries=START_TRIES):
            raise StorageError(
                "Another server has been starting on this Postgres database for too long. Look at "
                "its log, or stop it."
            )
        try:
            yield
        finally:
            await self._presence.execute(_UNLOCK, _STARTING_LOCK)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[bool]:
        """Say whether no other server serves this database; none can start meanwhile.

        From now on this one counts as serving, until its connection ends. One that was killed just
        now may still be seen for a moment, so it is looked for some times.
        """
        is_alone = await self._take(SERVING_LOCK, tries=ALONE_TRIES)
        try:
            yield is_alone
        finally:
            await self._presence.execute("SELECT pg_advisory_lock_shared($1)", SERVING_LOCK)
            if is_alone:
                await self._presence.execute(_UNLOCK, SERVING_LOCK)

    async def _take(self, lock: int, *, tries: int) -> bool:
        """Take a lock that another server may let go soon; false when none of the tries got it."""
        for _ in range(tries):
            if await self._presence.fetchval("SELECT pg_try_advisory_lock($1)", lock):
                return True
            await asyncio.sleep(LOCK_PAUSE_S)
        return False

    @asynccontextmanager
    async def exclusively(self, name: str) -> AsyncIterator[bool]:
        """Hold the work of this name, which ends with the process; false when another holds it."""
        lock = _NAMED_LOCKS | zlib.crc32(name.encode())
        if name in self._held:  # Postgres gives a connection its own lock again
            yield False
            return
        self._held.add(name)
        try:
            is_held = await self._presence.fetchval("SELECT pg_try_advisory_lock($1)", lock)
            try:
                yield is_held
            finally:
                if is_held:
                    await self._presence.execute(_UNLOCK, lock)
        finally:
            self._held.discard(name)

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
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATING_LOCK})
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
