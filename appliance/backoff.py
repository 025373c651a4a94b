"""How long to wait before something that failed is tried again.

Owns the one formula; whether to try again is decided by the callers.
"""

from __future__ import annotations


def backoff_s(first_s: float, *, attempts_made: int, jitter: float) -> float:
    """Return the wait behind the n-th attempt: doubled each time, spread over its upper half.

    The spread keeps many callers that failed together from coming back together.

    Args:
        first_s: The longest wait behind the first attempt.
        attempts_made: How many there were, from 1.
        jitter: A random number from 0 to 1.
    """
    return first_s * 2.0 ** (attempts_made - 1) * (0.5 + jitter / 2)
