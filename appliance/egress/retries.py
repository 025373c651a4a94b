"""When to ask another program again, and how long to wait before.

Owns the rule, the waiting times and the loop; the calls are made by the callers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from msgspec import Struct

from appliance.backoff import backoff_s
from appliance.errors import UpstreamError
from appliance.ports.clock import Clock
from appliance.ports.outbound_http import OutboundResponse

MAX_ATTEMPTS = 3
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 10.0
TRANSIENT_STATUSES = (429, 502, 503, 504)

LONGEST_PAUSE_S = 3_600.0
FIRST_EPOCH_S = 1_000_000_000
"""A smaller number in a header is a number of seconds, a larger one a moment."""

Attempt = OutboundResponse | UpstreamError


class RetryRule(Struct, frozen=True, kw_only=True):
    """Decides on the attempts of one call.

    A connection that was never made has sent nothing, so it is tried again for every tool. An
    answer that asks for patience may come after the work was done: it is tried again only where
    doing the work twice does no harm.
    """

    is_repeatable: bool
    jitter: Callable[[], float]
    now: Callable[[], datetime]

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
            wait_s = max(wait_s, read_pause_s(attempt, now=self.now()) or 0.0)
        return min(wait_s, LONGEST_WAIT_S)

    def _may_repeat(self, attempt: Attempt) -> bool:
        if isinstance(attempt, OutboundResponse):
            return self.is_repeatable and attempt.status in TRANSIENT_STATUSES
        return attempt.code == "connect_failed"


async def ask_repeatedly(
    ask: Callable[[float], Awaitable[Attempt]],
    *,
    rule: RetryRule,
    timeout_s: float,
    clock: Clock,
    sleep: Callable[[float], Awaitable[None]],
) -> list[Attempt]:
    """Return the attempts, at least one; the last one stands.

    Args:
        ask: Makes one attempt, within the seconds that it is given.
        rule: Decides on another.
        timeout_s: Bounds all attempts with the waits between them.
        clock: Measures them.
        sleep: Waits between them.
    """
    deadline = clock.monotonic() + timeout_s
    attempts: list[Attempt] = []
    while True:
        attempts.append(await ask(deadline - clock.monotonic()))
        wait_s = rule.wait_s(attempts[-1], attempts_made=len(attempts))
        if wait_s is None or clock.monotonic() + wait_s >= deadline:
            return attempts
        await sleep(wait_s)


def may_have_begun(attempt: Attempt) -> bool:
    """Say whether an attempt that was followed by another may have done the work."""
    return isinstance(attempt, OutboundResponse) and attempt.status != 429


def read_pause_s(response: OutboundResponse, *, now: datetime) -> float | None:
    """Return for how many seconds a server asks to be left alone, if it does.

    Read are ``Retry-After`` (seconds or a date), and where ``X-RateLimit-Remaining`` is 0,
    ``X-RateLimit-Reset`` (seconds, or a Unix time). Longer than an hour is not believed.
    """
    asked = response.headers.get("retry-after", "").strip()
    pause_s = float(asked) if asked.isdecimal() else _until(asked, now)
    if pause_s is None and response.headers.get("x-ratelimit-remaining", "").strip() == "0":
        reset = response.headers.get("x-ratelimit-reset", "").strip()
        if reset.isdecimal():
            number = float(reset)
            pause_s = number - now.timestamp() if number >= FIRST_EPOCH_S else number
    return None if pause_s is None or pause_s <= 0 else min(pause_s, LONGEST_PAUSE_S)


def _until(date: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
        return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds()
    except (ValueError, OverflowError):
        return None
