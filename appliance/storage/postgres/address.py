"""The address of a Postgres database.

Owns what may be shown of it; what it means is left to asyncpg.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError


def mask_url(url: str) -> str:
    """Return the address without its password and its parameters, to be shown and logged."""
    try:
        shown = make_url(url).set(query={})
    except (ArgumentError, ValueError):
        return f"{urlsplit(url).scheme}://…"
    return shown.render_as_string(hide_password=True)
