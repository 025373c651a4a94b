"""Stopping an answer that its visitor wants no more of.

Owns cutting off what may be cut off, and what of a stopped turn is kept; what is said in its place
is left to ``appliance.agent.runner``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from appliance.domain.message import ChatMessage

Result = TypeVar("Result")


class Stopped(Exception):
    """The visitor has stopped the answer."""


class StopSign:
    """Tells a running turn that it shall end with what there is."""

    def __init__(self) -> None:
        self._is_set = False
        self._waiting: asyncio.Future[None] | None = None

    def set(self) -> None:
        """Stop what runs now, and let nothing more begin."""
        self._is_set = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def run(
        self, work: Coroutine[Any, Any, Result], *, may_cut: Callable[[], bool] = lambda: True
    ) -> Result:
        """Return what ``work`` returns, unless the sign is set before its end.

        Args:
            work: One step of the turn.
            may_cut: Asked when the sign is set; otherwise the work still comes to its end.

        Raises:
            Stopped: The work was not begun, or was cut off.
        """
        if self._is_set:
            work.close()
            raise Stopped
        self._waiting = asyncio.get_running_loop().create_future()
        task = asyncio.ensure_future(work)
        try:
            first: set[asyncio.Future[Any]] = {task, self._waiting}
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            if not task.done() and may_cut():
                raise Stopped
            return await task
        finally:
            self._waiting = None
            if not task.done():
                task.cancel()
                await asyncio.wait({task})


def keep_whole(messages: Sequence[ChatMessage], text: str) -> tuple[tuple[ChatMessage, ...], str]:
    """Return which messages of a stopped turn are kept, and the last words that were seen of it.

    A call without its result is left out, with all that follows it.

    Args:
        messages: What the turn has added so far.
        text: What the visitor has seen of the answer that was being written.
    """
    answered = {message.tool_call_id for message in messages if message.role == "tool"}
    cut = next(
        (
            index
            for index, message in enumerate(messages)
            if any(call.id not in answered for call in message.tool_calls)
        ),
        len(messages),
    )
    spoken = (text, *(m.content for m in reversed(messages) if m.role == "assistant"))
    return tuple(messages[:cut]), next((said for said in map(str.strip, spoken) if said), "")
