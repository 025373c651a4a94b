from __future__ import annotations

from datetime import UTC, datetime

import pytest

from appliance.egress.retries import MAX_ATTEMPTS, Attempt, RetryRule, read_pause_s
from appliance.errors import Rejected, Unavailable
from appliance.ports.outbound_http import OutboundResponse

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
NO_CONNECTION = Unavailable("x", code="connect_failed")


def answered(status: int, **headers: str) -> OutboundResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return OutboundResponse(status=status, headers=named, body=b"")


def wait(
    attempt: Attempt, *, made: int = 1, repeatable: bool = True, jitter: float = 1.0
) -> float | None:
    rule = RetryRule(is_repeatable=repeatable, jitter=lambda: jitter, now=lambda: NOW)
    return rule.wait_s(attempt, attempts_made=made)


@pytest.mark.parametrize(
    ("attempt", "if_repeatable", "if_not"),
    [
        (NO_CONNECTION, True, True),
        (answered(429), True, False),
        (answered(502), True, False),
        (answered(503), True, False),
        (answered(504), True, False),
        (answered(200), False, False),
        (answered(400), False, False),
        (answered(404), False, False),
        (answered(500), False, False),
        (answered(408), False, False),
        (Unavailable("x", code="timed_out"), False, False),
        (Unavailable("x", code="broken_response"), False, False),
        (Rejected("x", code="egress_denied"), False, False),
        (Rejected("x", code="response_too_large"), False, False),
    ],
)
def test_only_what_may_help_and_cannot_harm_is_repeated(
    attempt: Attempt, if_repeatable: bool, if_not: bool
) -> None:
    assert (wait(attempt) is not None) is if_repeatable
    assert (wait(attempt, repeatable=False) is not None) is if_not


def test_the_last_attempt_stands() -> None:
    assert wait(NO_CONNECTION, made=MAX_ATTEMPTS - 1) is not None
    assert wait(NO_CONNECTION, made=MAX_ATTEMPTS) is None


@pytest.mark.parametrize(("jitter", "waits"), [(0.0, [0.25, 0.5]), (1.0, [0.5, 1.0])])
def test_waits_double_within_their_jitter(jitter: float, waits: list[float]) -> None:
    assert [wait(answered(503), made=made, jitter=jitter) for made in (1, 2)] == waits


@pytest.mark.parametrize(
    ("asked", "expected"),
    [("3", 3.0), ("0", 0.5), ("600", 10.0), ("soon", 0.5), ("-5", 0.5), ("", 0.5)],
)
def test_a_receiver_may_ask_for_patience_up_to_a_limit(asked: str, expected: float) -> None:
    assert wait(answered(429, retry_after=asked)) == expected


@pytest.mark.parametrize(
    ("headers", "pause_s"),
    [
        ({}, None),
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "0"}, None),
        ({"retry_after": "Mon, 02 Mar 2026 09:30:20 GMT"}, 20.0),
        ({"retry_after": "Mon, 02 Mar 2026 09:30:20 -0000"}, 20.0),
        ({"retry_after": "Mon, 02 Mar 2026 09:29:00 GMT"}, None),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "0 MAR 0:0 3000000000"}, None),
        ({"retry_after": "9" * 400}, 3_600.0),
        ({"retry_after": "999999"}, 3_600.0),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": "30"}, 30.0),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": "1772443860"}, 60.0),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": "x"}, None),
        ({"x_ratelimit_remaining": "1", "x_ratelimit_reset": "30"}, None),
    ],
)
def test_a_server_says_how_long_it_wants_to_be_left_alone(
    headers: dict[str, str], pause_s: float | None
) -> None:
    assert read_pause_s(answered(200, **headers), now=NOW) == pause_s
