from __future__ import annotations

import pytest

from appliance.backoff import backoff_s


@pytest.mark.parametrize(("attempts_made", "longest_s"), [(1, 0.5), (2, 1.0), (3, 2.0)])
def test_the_wait_doubles_and_is_spread_over_its_upper_half(
    attempts_made: int, longest_s: float
) -> None:
    waits = [backoff_s(0.5, attempts_made=attempts_made, jitter=jitter) for jitter in (0.0, 1.0)]
    assert waits == [longest_s / 2, longest_s]
