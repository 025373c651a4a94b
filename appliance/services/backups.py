"""Backups, on request and each day.

Owns that one is made at a time, the daily one and what is thrown away after it; the archives are
left to their port.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

import structlog

from appliance.errors import ApplianceError, Conflict
from appliance.ports.backups import Backup, BackupArchives
from appliance.tasks import TaskGroup

logger = structlog.get_logger(__name__)

Result = TypeVar("Result")

RETRY_AFTER_S: Final = 30


class BackupService:
    """Makes, lists and verifies backups.

    Args:
        archives: Keeps them.
        keep_daily: How many daily ones are kept; 0 makes none.
        tasks: Keep a backup going when whoever asked for it leaves.
    """

    def __init__(self, *, archives: BackupArchives, keep_daily: int, tasks: TaskGroup) -> None:
        self._archives = archives
        self._keep_daily = keep_daily
        self._tasks = tasks
        self._busy = asyncio.Lock()

    async def create(self) -> Backup:
        """Make a backup now and return it once it is proven; nobody deletes it but people.

        Raises:
            Conflict: Another one is being made or checked.
            StorageError: The disk or the database fails.
        """
        return await self._run_alone(self._archives.create("manual"), name="backup")

    async def list_all(self) -> list[Backup]:
        """Return the backups, newest first."""
        return await self._archives.list_all()

    async def verify(self, backup_id: str) -> Backup:
        """Prove a backup by a test restore.

        Raises:
            NotFound: There is none of this id.
            BackupRefused: It cannot be used; says why.
            Conflict: Another one is being made or checked.
        """
        return await self._run_alone(self._archives.verify(backup_id), name="backup-check")

    async def run_daily(self) -> None:
        """Make the day's backup; only once it is proven, delete what is not kept any more."""
        if self._keep_daily == 0:
            return
        async with self._busy:
            made = await self._archives.create("daily")
            logger.info("backup_made", id=made.id, size_bytes=made.size_bytes)
            await self._archives.thin_out(
                keep_daily=self._keep_daily, installation_id=made.installation_id
            )

    async def _run_alone(self, work: Coroutine[Any, Any, Result], *, name: str) -> Result:
        if self._busy.locked():
            work.close()
            raise Conflict(
                "Another backup is being made or checked. Try again when it is done.",
                code="backup_in_progress",
                retry_after_s=RETRY_AFTER_S,
            )

        async def run() -> Result | ApplianceError:
            async with self._busy:
                try:
                    return await work
                except ApplianceError as error:
                    return error  # it is for whoever asked, not for the log of failed tasks

        outcome: Result | ApplianceError = await asyncio.shield(
            self._tasks.start_for_caller(run(), name=name)
        )
        if isinstance(outcome, ApplianceError):
            raise outcome
        return outcome
