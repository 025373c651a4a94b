"""The time, so that nothing else asks the machine for it.

Owns the port; the machine's clock is met in bootstrap, a settable one in the tests.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back, for measuring durations; sleep counts."""
        ...
