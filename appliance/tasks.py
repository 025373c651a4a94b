"""Background work in the event loop.

Owns starting, naming, keeping and awaiting tasks; what they do is left to their owners.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine
from typing import Any

import structlog

logger = structlog.get_logger(__name__)


class TaskGroup:
    """Keeps the tasks it started until they end, and ends them with itself.

    Unlike ``asyncio.TaskGroup`` a failing task does not take its siblings with it: it is logged.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any], *, name: str) -> asyncio.Task[Any]:
        """Run ``work`` in the background under ``name``.

        It is nobody's in particular: its log lines carry no id of the request that started it.
        """
        return self._start(work, name, contextvars.Context())

    def start_for_caller(self, work: Coroutine[Any, Any, Any], *, name: str) -> asyncio.Task[Any]:
        """Run ``work``, a part of the caller's own, which goes on when the caller is cancelled.

        Its log lines carry the caller's request id.
        """
        return self._start(work, name, contextvars.copy_context())

    def __len__(self) -> int:
        return len(self._tasks)

    async def drain(self, *, timeout_s: float) -> None:
        """Give the tasks ``timeout_s`` to end by themselves, then cancel and await the rest.

        Tasks that these start meanwhile count too.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while self._tasks and (left_s := deadline - loop.time()) > 0:
            await asyncio.wait(set(self._tasks), timeout=left_s)
        while rest := set(self._tasks):
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)

    def _start(
        self, work: Coroutine[Any, Any, Any], name: str, context: contextvars.Context
    ) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work, name=name, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._forget, context=context)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("background_task_failed", task=task.get_name(), exc_info=error)
