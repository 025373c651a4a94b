from __future__ import annotations

import pytest

from appliance.errors import RateLimited
from appliance.services.rate_limits import RateLimiter
from tests.fakes.clock import SettableClock


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()  # at a full minute


def spend_all(limiter: RateLimiter, key: str, count: int) -> None:
    for _ in range(count):
        limiter.spend(key)


def test_the_limit_is_exact_and_says_when_to_come_back(clock: SettableClock) -> None:
    limiter = RateLimiter(limit_per_minute=60, clock=clock)
    clock.advance(12.5)
    spend_all(limiter, "a", 60)
    with pytest.raises(RateLimited) as caught:
        limiter.spend("a")
    assert caught.value.retry_after_s == 48
    clock.advance(48)
    limiter.spend("a")


@pytest.mark.parametrize("second", [0.0, 0.25, 30.0, 59.0, 59.75])
def test_who_waits_as_told_is_served(clock: SettableClock, second: float) -> None:
    limiter = RateLimiter(limit_per_minute=1, clock=clock)
    clock.advance(second)
    limiter.spend("a")
    with pytest.raises(RateLimited) as caught:
        limiter.spend("a")
    clock.advance(caught.value.retry_after_s)
    limiter.spend("a")


def test_one_keys_messages_are_not_anothers(clock: SettableClock) -> None:
    limiter = RateLimiter(limit_per_minute=2, clock=clock)
    spend_all(limiter, "a", 2)
    spend_all(limiter, "b", 2)
    with pytest.raises(RateLimited):
        limiter.spend("a")


def test_a_refused_message_does_not_count(clock: SettableClock) -> None:
    limiter = RateLimiter(limit_per_minute=1, clock=clock)
    limiter.spend("a")
    for _ in range(100):
        with pytest.raises(RateLimited):
            limiter.spend("a")
    clock.advance(60)
    limiter.spend("a")


def test_zero_is_no_limit(clock: SettableClock) -> None:
    spend_all(RateLimiter(limit_per_minute=0, clock=clock), "a", 10_000)


def test_a_clock_that_was_set_back_locks_nobody_out(clock: SettableClock) -> None:
    limiter = RateLimiter(limit_per_minute=1, clock=clock)
    limiter.spend("a")
    clock.advance(-86_400)
    limiter.spend("a")


def test_old_counts_are_not_kept(clock: SettableClock) -> None:
    limiter = RateLimiter(limit_per_minute=1, clock=clock)
    for number in range(1_000):
        limiter.spend(str(number))
    clock.advance(60)
    limiter.spend("a")
    assert limiter._counts == {"a": 1}
