"""Running a child's server until whoever started it is gone.

Owns the end of a child process: its standard input ends when the parent dies, however it dies.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any


def run_until_stdin_ends(work: Coroutine[Any, Any, None]) -> None:
    """Run ``work`` in an event loop; cancel it when standard input ends."""
    with suppress(asyncio.CancelledError, KeyboardInterrupt):
        asyncio.run(_until_stdin_ends(work))


async def _until_stdin_ends(work: Coroutine[Any, Any, None]) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)

    def watch() -> None:
        with suppress(OSError):
            while os.read(0, 4096):
                pass
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(task.cancel)

    threading.Thread(target=watch, name="stdin-watch", daemon=True).start()
    await task
