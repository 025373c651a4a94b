"""Letting nothing of deleted rows stay in an SQLite database's files.

Owns the order in which the log is emptied and left-over bytes are zeroed while turns go on; where
such bytes are is known by ``page_gaps``. See docs/adr/0015.
"""

from __future__ import annotations

import asyncio
import sqlite3
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from appliance.storage.engine import LOCK_POLL_S
from appliance.storage.page_gaps import PageGaps
from appliance.storage.writer import Writer

logger = structlog.get_logger(__name__)

PAGES_AT_ONCE: Final = 200
TRIES: Final = 50
PAUSE_S: Final = 0.02


async def scrub(path: Path, writer: Writer) -> None:
    """Empty the log and zero what is left of rows that were deleted before the call.

    Gives up, saying so in the log, when others keep the write-ahead log in use all the time; the
    next call does what is left.
    """
    await writer.checkpoint()
    gaps = await asyncio.to_thread(PageGaps, path)
    left = await asyncio.to_thread(gaps.find)
    wiped = tries = 0
    while left and tries < TRIES:
        some = left[:PAGES_AT_ONCE]
        done = await writer.checkpoint(then=partial(_wipe, path, gaps, some))
        if done is None:
            tries += 1
        else:
            wiped += done
            left = left[PAGES_AT_ONCE:]
        await asyncio.sleep(PAUSE_S)
    await writer.checkpoint()
    if left:
        logger.warning("scrub_incomplete", pages=len(left))
    elif wiped:
        logger.debug("pages_scrubbed", pages=wiped)


def _wipe(path: Path, gaps: PageGaps, pages: list[int]) -> int | None:
    """Zero the gaps of pages under the write lock; ``None`` when something is in the log again.

    It writes something harmless too, over a connection of its own, so that every other connection,
    of other processes too, drops the pages that it remembers with the old bytes in them.
    """
    log = path.with_name(f"{path.name}-wal")
    connection = sqlite3.connect(path, isolation_level=None, timeout=LOCK_POLL_S)
    try:
        connection.execute("BEGIN IMMEDIATE")
        if log.exists() and log.stat().st_size:
            return None
        wiped = gaps.wipe(pages)
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute("COMMIT")
        return wiped
    except sqlite3.OperationalError:
        return None  # another process writes: tried again
    finally:
        connection.close()
