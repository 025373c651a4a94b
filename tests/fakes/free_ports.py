"""Loopback ports for servers that tests start.

They are taken from below the range out of which the system gives ports to clients: one of those may
be gone by the time the server listens on it.
"""

from __future__ import annotations

import random
import socket

LOWEST, HIGHEST = 20_000, 32_000
_TRIES = 200
_random = random.SystemRandom()  # property tests reset the other one


def find_free_port() -> int:
    """Return a loopback port on which nobody listens, and which no client is given."""
    for _ in range(_TRIES):
        port = _random.randint(LOWEST, HIGHEST)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
    raise AssertionError(f"No port between {LOWEST} and {HIGHEST} is free.")


def find_two_free_ports() -> tuple[int, int]:
    """Return two ports that differ."""
    one, other = find_free_port(), find_free_port()
    return (one, other) if one != other else find_two_free_ports()
