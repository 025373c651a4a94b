"""How long a model may take.

Owns the deadlines of one answer and their countdown; waiting is left to the providers.
"""

from __future__ import annotations

from msgspec import Struct

from appliance.ports.clock import Clock


class Deadlines(Struct, frozen=True, kw_only=True):
    """How long to wait for what. The first token includes loading a cold model."""

    connect_s: float = 2.0
    first_token_s: float = 60.0
    idle_s: float = 30.0
    total_s: float = 300.0


class Countdown:
    """The deadlines of one answer, which begins now."""

    def __init__(self, deadlines: Deadlines, clock: Clock) -> None:
        self._deadlines = deadlines
        self._clock = clock
        began_at = clock.monotonic()
        self._ends_at = began_at + deadlines.total_s
        self._speaks_by = began_at + deadlines.first_token_s

    def note_progress(self) -> None:
        """Start waiting anew, since the model said something."""
        self._speaks_by = self._clock.monotonic() + self._deadlines.idle_s

    def left_s(self) -> float:
        """Return how long the next piece of the answer may take; 0 when the time is up."""
        return max(0.0, min(self._speaks_by, self._ends_at) - self._clock.monotonic())
