"""How the tests' HTTP clients reach servers on this machine: directly and without TLS.

Owns those settings. Certificates that nobody needs would be read anew by each client, for 30 ms.
"""

from __future__ import annotations

from typing import Final, TypedDict


class Direct(TypedDict):
    """Arguments of every client of ``httpx``."""

    trust_env: bool
    verify: bool


DIRECT: Final[Direct] = {"trust_env": False, "verify": False}
