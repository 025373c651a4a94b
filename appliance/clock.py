"""The machine's clock.

Owns the one place that asks the machine for the time; see ``appliance.ports.clock``.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime


class MachineClock:
    """Implements ``Clock`` with the machine's time."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()
