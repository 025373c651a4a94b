"""The machine's clock.

Owns the one place that asks the machine for the time; see ``appliance.ports.clock``.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

_STEADY_CLOCK: int | None = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))
"""``time.monotonic`` stands still while the machine sleeps on Linux and macOS; these do not."""


class MachineClock:
    """Implements ``Clock`` with the machine's time."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back and go on while the machine sleeps."""
        return time.monotonic() if _STEADY_CLOCK is None else time.clock_gettime(_STEADY_CLOCK)
