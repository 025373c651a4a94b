"""How far a long piece of work is, told step by step.

Owns the arithmetic over its steps, and being stopped and slowed down between them; showing it is
left to who listens.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

Listener = Callable[[float], None]
"""Told the part of the whole that is done, from 0 to 1; may come from another thread."""

REST_SHARE: Final = 0.5
"""How long gentle work rests, as a share of how long it just worked."""

_MAX_REST_S = 0.25


class Stopped(Exception):
    """Raised within the work when it shall end."""


class Progress:
    """Hands on how far the work is.

    Args:
        listener: Who wants to know.
        stop: Set to end the work at its next report.
        is_gentle: Whether to leave room for others after each report.
        whole: What the shares of all steps add up to.
    """

    def __init__(
        self,
        listener: Listener | None = None,
        *,
        stop: threading.Event | None = None,
        is_gentle: bool = False,
        whole: float = 1.0,
    ) -> None:
        self._listener = listener
        self._stop = stop
        self._is_gentle = is_gentle
        self._whole = whole
        self._done = 0.0
        self._worked_since = time.monotonic()

    def part(self, share: float) -> Callable[[int, int], None]:
        """Return who to tell how much of how much is done of a step that is ``share`` of it all."""
        start = self._done
        self._done += share

        def report(done: int, total: int) -> None:
            self.check()
            if self._listener is not None and total > 0:
                self._listener(min(1.0, (start + share * done / total) / self._whole))
            self._rest()

        return report

    def check(self) -> None:
        """End the work if that was asked for.

        Raises:
            Stopped: It was.
        """
        if self._stop is not None and self._stop.is_set():
            raise Stopped

    def _rest(self) -> None:
        if self._is_gentle:
            worked_s = time.monotonic() - self._worked_since
            time.sleep(min(_MAX_REST_S, worked_s * REST_SHARE))
            self._worked_since = time.monotonic()
