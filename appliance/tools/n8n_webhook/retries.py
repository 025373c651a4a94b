"""When to call a webhook again, and how long to wait before.

Owns the rule and the waiting times; the calls are made by ``executor``.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from appliance.backoff import backoff_s
from appliance.errors import ApplianceError
from appliance.ports.outbound_http import OutboundResponse

MAX_ATTEMPTS = 3
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 10.0
TRANSIENT_STATUSES = (429, 502, 503, 504)

Attempt = OutboundResponse | ApplianceError


class RetryRule(Struct, frozen=True, kw_only=True):
    """Decides on the attempts of one call.

    A connection that was never made has sent nothing, so it is tried again for every tool. An
    answer that asks for patience may come after the work was done: it is tried again only where
    doing the work twice does no harm.
    """

    is_repeatable: bool
    jitter: Callable[[], float]

    def wait_s(self, attempt: Attempt, *, attempts_made: int) -> float | None:
        """Return the seconds until the next attempt, or ``None`` if this one stands.

        Args:
            attempt: What the last attempt brought.
            attempts_made: How many there were, from 1.
        """
        if attempts_made >= MAX_ATTEMPTS or not self._may_repeat(attempt):
            return None
        wait_s = backoff_s(FIRST_WAIT_S, attempts_made=attempts_made, jitter=self.jitter())
        if isinstance(attempt, OutboundResponse):
            asked = attempt.headers.get("retry-after", "")
            if asked.isdecimal():
                wait_s = max(wait_s, float(asked))
        return min(wait_s, LONGEST_WAIT_S)

    def _may_repeat(self, attempt: Attempt) -> bool:
        if isinstance(attempt, OutboundResponse):
            return self.is_repeatable and attempt.status in TRANSIENT_STATUSES
        return attempt.code == "connect_failed"
