"""The stored form of what is cached: a letter that names the kind, then bytes or JSON.

Owns the form, which is the same in every cache, and that nothing else is ever read as a value: no
pickle, no class; where it is stored is left to the caches.
"""

from __future__ import annotations

import msgspec

from appliance.domain.json_types import BROKEN_JSON, JsonValue

_BYTES = b"b"
_JSON = b"j"


def encode_value(value: JsonValue | bytes) -> bytes:
    """Return the stored form of a value."""
    return _BYTES + value if isinstance(value, bytes) else _JSON + msgspec.json.encode(value)


def decode_value(stored: bytes) -> JsonValue | bytes:
    """Return the value of its stored form; what is not such a form is a miss, ``None``."""
    kind, body = stored[:1], stored[1:]
    if kind == _BYTES:
        return body
    try:
        return msgspec.json.decode(body) if kind == _JSON else None
    except BROKEN_JSON:
        return None


def read_count(stored: bytes | None) -> int:
    """Return the count in its stored form, 0 for what is none."""
    value = None if stored is None else decode_value(stored)
    return value if type(value) is int and value > 0 else 0
