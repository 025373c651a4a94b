"""Secrets as they may be shown.

Owns the one form in which a stored secret reads back; keeping it is left to the storage.
"""

from __future__ import annotations

from appliance.domain.json_types import JsonObject, JsonValue

SHOWN_CHARS = 4
LEAST_CHARS = 12
"""A shorter secret shows nothing of itself."""


def hide(secret: str | None) -> JsonObject:
    """Return ``{"set": true, "hint": "...last 4"}``, or ``{"set": false}`` for none."""
    if not secret:
        return {"set": False}
    hint = f"...{secret[-SHOWN_CHARS:]}" if len(secret) >= LEAST_CHARS else "..."
    return {"set": True, "hint": hint}


def is_hidden(value: JsonValue) -> bool:
    """Say whether ``value`` is what ``hide`` made: a secret sent back as it was shown."""
    return isinstance(value, dict) and "set" in value and value.keys() <= {"set", "hint"}
