"""Backups beside a running server.

Owns the thread they run in: one of its own, of low priority, stopped when its caller is; the work
is left to ``archives``.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

from appliance.errors import BackupRefused
from appliance.ports.backups import Backup, BackupKind
from appliance.storage.backups.archives import READ_SHARE, Archives
from appliance.storage.backups.progress import Progress, Stopped

Result = TypeVar("Result")

STOP_WAIT_S: Final = 5.0
_NICENESS: Final = 19


class BackgroundArchives:
    """Implements ``BackupArchives``; see there for what each method promises."""

    def __init__(self, archives: Archives) -> None:
        self._archives = archives

    async def create(self, kind: BackupKind) -> Backup:
        """Back everything up and prove it by a test restore before it gets its name."""
        stop = threading.Event()
        progress = Progress(stop=stop, is_gentle=True)
        return await run_aside(lambda: self._archives.create(kind, progress), stop)

    async def list_all(self) -> list[Backup]:
        """Return the backups, newest first; files that are none are left out."""
        return await asyncio.to_thread(self._archives.list_all)

    async def verify(self, backup_id: str) -> Backup:
        """Restore a backup into a temporary folder and compare it with what it says of itself."""
        stop = threading.Event()
        progress = Progress(stop=stop, is_gentle=True, whole=READ_SHARE)
        path = self._archives.find(backup_id)
        try:
            return await run_aside(lambda: self._archives.verify(path, progress=progress), stop)
        except BackupRefused as error:
            if error.code != "backup_passphrase_missing":
                raise
            raise BackupRefused(
                f"The backup {backup_id!r} is encrypted, and this server has no passphrase. Start "
                "it with CSAI_BACKUP_PASSPHRASE, or verify the backup with: csai backup verify",
                code=error.code,
            ) from error

    async def thin_out(self, *, keep_daily: int, installation_id: str | None) -> list[str]:
        """Delete this installation's backups that are not kept any more; return their ids."""
        return await asyncio.to_thread(
            self._archives.thin_out, keep_daily=keep_daily, installation_id=installation_id
        )


async def run_aside(work: Callable[[], Result], stop: threading.Event) -> Result:
    """Run ``work`` in a thread of its own; when cancelled, set ``stop`` and wait for its end.

    The wait has an end: a disk or a database that hangs must not keep the program from stopping.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[Result] = loop.create_future()

    def run() -> None:
        _yield_to_others()
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 -- it is raised where it is awaited
            settle = partial(_fail, ended, error)
        else:
            settle = partial(_succeed, ended, result)
        with suppress(RuntimeError):  # the loop is gone, and with it who waited
            loop.call_soon_threadsafe(settle)

    threading.Thread(target=run, name="backup", daemon=True).start()
    try:
        return await asyncio.shield(ended)
    except asyncio.CancelledError:
        stop.set()
        with suppress(Exception):  # the caller has left; what was begun is cleaned up by the work
            await asyncio.wait_for(asyncio.shield(ended), STOP_WAIT_S)
        raise


def _fail(ended: asyncio.Future[Result], error: BaseException) -> None:
    if isinstance(error, Stopped):
        ended.cancel()
    elif not ended.done():
        ended.set_exception(error)


def _succeed(ended: asyncio.Future[Result], result: Result) -> None:
    if not ended.done():
        ended.set_result(result)


def _yield_to_others() -> None:
    if sys.platform == "linux":  # elsewhere a thread has no niceness of its own
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
