"""A retention run for a test that kills its process.

Run as ``python -m tests.fakes.retention_victim FOLDER KILL_AFTER``: deletes what is older than 30
days from ``FOLDER/csai.sqlite3`` into ``FOLDER/archive``, and dies by SIGKILL after so many steps
of archiving or deleting; 0 lets it end.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from appliance.storage.sqlite_library import install

NOW = datetime.fromisoformat("2026-05-01T00:00:00+00:00")
ROWS = 9


async def delete(folder: Path, kill_after: int) -> None:
    """Run retention and die in the middle of it."""
    from appliance.services.cached_copies import CachedCopies
    from appliance.services.retention import RetentionDefaults, RetentionService
    from appliance.storage.archive_folder import FolderArchive
    from appliance.storage.cache import DiskCache
    from appliance.storage.database import Database
    from tests.fakes.clock import SettableClock
    from tests.fakes.stored_history import SteadyPace

    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        if steps == kill_after:
            os.kill(os.getpid(), signal.SIGKILL)

    class MortalArchive(FolderArchive):
        async def put(self, name: str, content: bytes) -> None:
            step()
            await super().put(name, content)
            step()

    clock = SettableClock(NOW)
    database = await Database.open(folder / "csai.sqlite3", clock, folder / "secrets.key")
    cache = DiskCache(folder / "cache")
    delete_messages = database.retention.delete_messages

    async def delete_and_step(*arguments: Any, **named: Any) -> Any:
        deletion = await delete_messages(*arguments, **named)
        step()
        return deletion

    database.retention.delete_messages = delete_and_step  # type: ignore[method-assign]
    service = RetentionService(
        store=database.retention,
        tenants=database.tenants,
        archive=MortalArchive(folder / "archive"),
        copies=CachedCopies(cache),
        defaults=RetentionDefaults(message_days=30, tool_execution_days=30),
        clock=clock,
        build_pace=lambda: SteadyPace(ROWS),
    )
    await service.run()
    await cache.close()
    await database.close()


def main(arguments: Sequence[str]) -> None:
    """Run with the command line's arguments."""
    asyncio.run(delete(Path(arguments[0]), int(arguments[1])))


if __name__ == "__main__":
    install()
    main(sys.argv[1:])
