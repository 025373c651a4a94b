"""Connections to a Postgres database.

Owns their settings and deadlines, and what may be shown of an address; what an address means is
left to asyncpg.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

APPLICATION_NAME = "csai-appliance"
CONNECT_TIMEOUT_S = 5.0
STATEMENT_TIMEOUT_S = 15.0
LOCK_TIMEOUT_S = 5.0


def mask_url(url: str) -> str:
    """Return the address without its password and its parameters, to be shown and logged."""
    try:
        shown = make_url(url).set(query={})
    except (ArgumentError, ValueError):
        return f"{urlsplit(url).scheme}://…"
    return shown.render_as_string(hide_password=True)


def build_connect(
    url: str, *, deadline_s: float | None = STATEMENT_TIMEOUT_S
) -> Callable[[], Awaitable[Any]]:
    """Return what makes a connection whose statements end by the deadline, on both sides."""

    async def connect() -> Any:
        import asyncpg

        return await asyncpg.connect(
            url,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=deadline_s,
            server_settings={
                "application_name": APPLICATION_NAME,
                "timezone": "UTC",
                "statement_timeout": str(round((deadline_s or 0) * 1000)),
                "lock_timeout": str(round(LOCK_TIMEOUT_S * 1000)),
                "idle_in_transaction_session_timeout": str(round((deadline_s or 0) * 1000)),
                "synchronous_commit": "on",
            },
        )

    return connect
