"""The services that delete, erase and hand out what is stored, for the server and the commands.

Owns putting them together from an installation's stores.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from appliance.bootstrap.stores import Stores, open_stores_beside_server
from appliance.ports.archive import Archive
from appliance.services.audit import Auditor
from appliance.services.cached_copies import CachedCopies
from appliance.services.erasure import ErasureService
from appliance.services.exports import ExportService
from appliance.services.pace import Pace
from appliance.services.retention import RetentionDefaults, RetentionService
from appliance.services.tenant_directory import TenantDirectory
from appliance.services.turn_streams import TurnStreams
from appliance.services.usage import UsageService
from appliance.settings import Settings
from appliance.storage.archive_bucket import BucketArchive, BucketPlace
from appliance.storage.archive_folder import FolderArchive


class DataCare(Struct, frozen=True, kw_only=True):
    """What is done to stored data as a whole."""

    stores: Stores
    retention: RetentionService
    erasure: ErasureService
    exports: ExportService
    usage: UsageService


def build_data_care(
    settings: Settings,
    stores: Stores,
    *,
    archive: Archive | None,
    streams: TurnStreams,
    directory: TenantDirectory,
) -> DataCare:
    """Return the services over ``stores``.

    Args:
        settings: How long content is kept.
        stores: Where it is.
        archive: Where old messages go first; see ``build_archive``.
        streams: The turns that this process has in memory.
        directory: The tenants that this process has in memory.
    """
    database, clock = stores.database, stores.clock
    count_writes = None if stores.is_beside_server else database.backend.count_writes
    build_pace = partial(Pace, count_writes)
    copies = CachedCopies(stores.cache)
    return DataCare(
        stores=stores,
        retention=RetentionService(
            store=database.retention,
            tenants=database.tenants,
            archive=archive,
            copies=copies,
            defaults=RetentionDefaults(
                message_days=settings.retention_days,
                tool_execution_days=settings.tool_execution_days,
            ),
            clock=clock,
            build_pace=build_pace,
        ),
        erasure=ErasureService(
            store=database.erasure,
            tenants=database.tenants,
            streams=streams,
            directory=directory,
            copies=copies,
            auditor=Auditor(log=database.audit, clock=clock),
            clock=clock,
            build_pace=build_pace,
        ),
        exports=ExportService(store=database.exports, tenants=database.tenants, clock=clock),
        usage=UsageService(database.usage, database.tenants),
    )


def build_archive(settings: Settings) -> Archive | None:
    """Return where old messages go before they are deleted; ``None`` when that is not set."""
    url = settings.archive_url
    if url is None:
        return None
    if not url.startswith("s3://"):
        return FolderArchive(Path(url))
    parts = urlsplit(url)
    return BucketArchive(
        BucketPlace(
            bucket=parts.netloc,
            folder=parts.path.strip("/"),
            endpoint=settings.archive_s3_endpoint,
            region=settings.archive_s3_region,
            access_key_id=settings.archive_s3_access_key_id,
            secret_access_key=settings.archive_s3_secret_access_key,
        )
    )


@asynccontextmanager
async def open_data_care(settings: Settings) -> AsyncGenerator[DataCare, None]:
    """Open the stores for a command, whether or not a server runs on them, with their services.

    Raises:
        ConfigurationError: As ``open_stores_beside_server``.
        StorageError: The database cannot be used.
    """
    archive = build_archive(settings)
    try:
        async with open_stores_beside_server(settings) as stores:
            database, clock = stores.database, stores.clock
            yield build_data_care(
                settings,
                stores,
                archive=archive,
                streams=TurnStreams(clock),
                directory=TenantDirectory(
                    tenants=database.tenants, tools=database.tools, clock=clock
                ),
            )
    finally:
        if archive is not None:
            await archive.close()
