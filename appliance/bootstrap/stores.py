"""The stores of one installation: its database and its cache.

Owns opening them from the settings, for the server and for the commands that work beside it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial

from msgspec import Struct
from sqlalchemy import Connection

from appliance.bootstrap.backups import back_up_before_upgrade, build_archives
from appliance.clock import MachineClock
from appliance.domain.ids import new_id
from appliance.errors import ConfigurationError, DataFolderUnusable, StorageError
from appliance.ports.cache import Cache
from appliance.ports.clock import Clock
from appliance.settings import Settings
from appliance.storage.backend import BeforeUpgrade
from appliance.storage.backups import INSTALLATION_ID, finish_restore, sweep_stages
from appliance.storage.cache import DiskCache
from appliance.storage.data_folder import DataFolder
from appliance.storage.database import Database
from appliance.storage.key_store import open_key_store
from appliance.storage.redis_cache import RedisCache
from appliance.storage.redis_url import RedisAddress, parse_redis_url


class Stores(Struct, frozen=True, kw_only=True):
    """An open installation, without a server. ``is_beside_server``: another process holds it."""

    clock: Clock
    database: Database
    cache: Cache
    is_beside_server: bool = False


@asynccontextmanager
async def open_stores(
    settings: Settings, *, before_upgrade: BeforeUpgrade | None = None
) -> AsyncGenerator[Stores, None]:
    """Open the stores in a data folder that this process holds; close them in order.

    A restore that was cut off is finished first, and what a killed backup left is removed. Before
    the schema of an older version is upgraded a backup is made.

    Args:
        settings: What the operator set.
        before_upgrade: Instead of that backup; raising stops the upgrade.

    Raises:
        ConfigurationError: The database or a setting of it cannot be used.
        StorageError: The database cannot be used, or not be backed up before an upgrade.
    """
    clock = MachineClock()
    address = parse_redis_url(settings.cache_url) if settings.cache_url else None
    if before_upgrade is None:
        finish_restore(settings.data_dir)
        sweep_stages(settings.paths)
        before_upgrade = partial(back_up_before_upgrade, settings)
    build_archives(settings).sweep()
    for folder in settings.paths.folders:
        folder.mkdir(mode=0o700, exist_ok=True)
    async with AsyncExitStack() as stack:
        database = await Database.open(
            settings.database_place,
            clock,
            open_key_store(settings.key_store, settings.paths),
            before_upgrade=before_upgrade,
        )
        stack.push_async_callback(database.close)
        # By this id its backups are told from others', and its entries on a shared cache server.
        installation_id = await database.settings.ensure(INSTALLATION_ID, new_id())
        cache = await _open_cache(settings, address, str(installation_id))
        stack.push_async_callback(cache.close)
        yield Stores(clock=clock, database=database, cache=cache)


async def _open_cache(
    settings: Settings, address: RedisAddress | None, installation_id: str
) -> DiskCache | RedisCache:
    """Return the cache; one that cannot be reached is no reason not to start.

    The servers of one installation share its database, so they find the same name there.
    """
    if address is None:
        return DiskCache(settings.paths.cache)
    cache = RedisCache(address, namespace=f"csai:{installation_id}")
    with suppress(StorageError):
        await cache.health()
    return cache


@asynccontextmanager
async def open_stores_alone(settings: Settings) -> AsyncGenerator[Stores, None]:
    """Open the stores for a command beside which no server may run.

    Raises:
        ConfigurationError: As ``open_stores``.
        DataFolderUnusable: There is no data folder yet, or a server uses it or its database.
        StorageError: The database cannot be used.
    """
    _check_exists(settings)
    async with AsyncExitStack() as stack:
        stack.enter_context(DataFolder.open(settings.data_dir))
        stores = await stack.enter_async_context(open_stores(settings))
        if not await stack.enter_async_context(stores.database.backend.alone()):
            raise DataFolderUnusable(
                "Another server uses this database. Stop it first.",
                setting="CSAI_DATABASE_URL",
                code=DataFolder.IN_USE_CODE,
            )
        yield stores


@asynccontextmanager
async def open_stores_beside_server(settings: Settings) -> AsyncGenerator[Stores, None]:
    """Open the stores for a command, whether or not a server is running on them.

    Raises:
        ConfigurationError: As ``open_stores``; or the schema is older than this program while a
            server runs.
        DataFolderUnusable: There is no data folder yet.
        StorageError: The database cannot be used.
    """
    _check_exists(settings)
    async with AsyncExitStack() as stack:
        try:
            stack.enter_context(DataFolder.open(settings.data_dir))
            is_beside_server = False
        except DataFolderUnusable as error:
            if error.code != DataFolder.IN_USE_CODE:
                raise
            is_beside_server = True
        stores = await stack.enter_async_context(
            open_stores(settings, before_upgrade=_refuse if is_beside_server else None)
        )
        yield Stores(
            clock=stores.clock,
            database=stores.database,
            cache=stores.cache,
            is_beside_server=is_beside_server,
        )


def _check_exists(settings: Settings) -> None:
    if not settings.data_dir.is_dir():
        raise DataFolderUnusable(
            f"There is no data folder {str(settings.data_dir)!r}. Name it with --data-dir.",
            setting="CSAI_DATA_DIR",
        )


def _refuse(_: Connection, revision: str) -> None:
    raise ConfigurationError(
        f"The running server is of an older version (schema {revision!r}). Restart it with this "
        "version first.",
        code="schema_too_old",
    )
