"""The backups of one installation.

Owns building them from the settings, for the server, for commands beside it, and for an upgrade.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import structlog
from sqlalchemy import Connection

from appliance.clock import MachineClock
from appliance.errors import ApplianceError, DataFolderUnusable, StorageError
from appliance.ports.clock import Clock
from appliance.services.backups import BackupService
from appliance.settings import Settings
from appliance.storage.backups import (
    READ_SHARE,
    SCRYPT_N,
    Archives,
    BackgroundArchives,
    Choices,
    Contents,
    Listener,
    Progress,
    Restored,
    SnapshotSource,
    SqliteSource,
    install,
    install_in_postgres,
    prepare,
)
from appliance.storage.data_folder import DataFolder
from appliance.storage.key_store import open_key_store
from appliance.tasks import TaskGroup

logger = structlog.get_logger(__name__)


def build_archives(
    settings: Settings, *, passphrase: str | None = None, clock: Clock | None = None
) -> Archives:
    """Return the backups of this installation; the server may run or not.

    Args:
        settings: What the operator set.
        passphrase: Instead of the one that is set.
        clock: Instead of the machine's.
    """
    paths = settings.paths
    return Archives(
        settings.backup_dir or paths.backups,
        work=paths.work,
        contents=Contents(
            source=_build_source(settings),
            config_file=paths.config_file,
            keys=open_key_store(settings.key_store, paths),
            passphrase=passphrase or settings.backup_passphrase,
            scrypt_n=SCRYPT_N,
        ),
        clock=clock or MachineClock(),
    )


def build_backups(settings: Settings, clock: Clock, tasks: TaskGroup) -> BackupService:
    """Return the backups of a running server."""
    return BackupService(
        archives=BackgroundArchives(build_archives(settings, clock=clock)),
        keep_daily=settings.backup_keep,
        tasks=tasks,
    )


def back_up_before_upgrade(settings: Settings, _: Connection, revision: str) -> None:
    """Make a proven backup of a database that is about to be upgraded.

    Raises:
        StorageError: There is none; the database is as it was, for the version that made it.
    """
    archives = build_archives(settings)
    try:
        # In a thread: on Postgres this is called within an event loop, and the copy has its own.
        with ThreadPoolExecutor(max_workers=1) as thread:
            made = thread.submit(archives.create, "upgrade").result()
    except ApplianceError as error:
        raise StorageError(
            "The database was not upgraded, because the backup before it could not be made, and "
            f"the earlier version still works with it: {error.message}",
            code="upgrade_backup_failed",
        ) from error
    logger.info("upgrade_backed_up", id=made.id, schema=revision)


def restore_backup(
    settings: Settings, path: Path, choices: Choices, listener: Listener | None = None
) -> Restored:
    """Put a backup in the place of what the data folder holds, and keep that.

    Args:
        settings: Name the data folder; it is made when absent.
        path: The backup's file.
        choices: What whoever restores has decided.
        listener: Told the part that is done.

    Raises:
        BackupRefused: It cannot be used; nothing was changed.
        DataFolderUnusable: A server runs on the folder.
        StorageError: There is too little room, or the disk fails.
    """
    paths, at = settings.paths, MachineClock().now()
    keys = open_key_store(settings.key_store, paths)
    with (
        DataFolder.open(settings.data_dir),
        prepare(path, paths, keys, choices, Progress(listener, whole=READ_SHARE)) as prepared,
    ):
        if settings.database_url is not None:
            return install_in_postgres(prepared, paths, choices, url=settings.database_url, at=at)
        return install(prepared, paths, choices, at=at)


def check_data_folder(settings: Settings) -> None:
    """Refuse a data folder that is not there, before anything is made in it.

    Raises:
        DataFolderUnusable: It is not; says how to name another.
    """
    if not settings.data_dir.is_dir():
        raise DataFolderUnusable(
            f"There is no data folder {str(settings.data_dir)!r}. Name it with --data-dir.",
            setting="CSAI_DATA_DIR",
        )


def _build_source(settings: Settings) -> SnapshotSource:
    place = settings.database_place
    if isinstance(place, Path):
        return SqliteSource(place)
    from appliance.storage.postgres.snapshots import PostgresSource

    return PostgresSource(place)
