"""Secrets as they may be shown.

Owns the one form in which a stored secret reads back, and taking known ones out of what comes back
from elsewhere; keeping them is left to the storage.
"""

from __future__ import annotations

from collections.abc import Collection

from appliance.domain.json_types import JsonObject, JsonValue

SHOWN_CHARS = 4
LEAST_CHARS = 12
"""A shorter secret shows nothing of itself."""
LEAST_MASKED = 6
MASKED = "[redacted]"


def hide(secret: str | None) -> JsonObject:
    """Return ``{"set": true, "hint": "...last 4"}``, or ``{"set": false}`` for none."""
    if not secret:
        return {"set": False}
    hint = f"...{secret[-SHOWN_CHARS:]}" if len(secret) >= LEAST_CHARS else "..."
    return {"set": True, "hint": hint}


def is_hidden(value: JsonValue) -> bool:
    """Say whether ``value`` is what ``hide`` made: a secret sent back as it was shown."""
    return isinstance(value, dict) and "set" in value and value.keys() <= {"set", "hint"}


def mask_known(value: JsonValue, secrets: Collection[str]) -> JsonValue:
    """Return ``value`` without ``secrets``, wherever in its texts and names they stand.

    For what comes back from where secrets were sent: a service that repeats a request's headers
    must not show a visitor the key. Secrets of fewer than six characters would hide common words.
    """
    known = sorted((s for s in secrets if len(s) >= LEAST_MASKED), key=len, reverse=True)
    return _mask(value, known) if known else value


def mask_text(text: str | None, secrets: Collection[str]) -> str | None:
    """Return a text, or none, without ``secrets``."""
    masked = mask_known(text, secrets)
    return masked if isinstance(masked, str) else None


def _mask(value: JsonValue, secrets: list[str]) -> JsonValue:
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, MASKED)
        return value
    if isinstance(value, dict):
        return {str(_mask(key, secrets)): _mask(inner, secrets) for key, inner in value.items()}
    if isinstance(value, list):
        return [_mask(inner, secrets) for inner in value]
    return value
