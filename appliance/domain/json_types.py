"""Names for JSON at the edges, before it is parsed into structs.

Owns the two aliases, how deep they go and what bytes that are no JSON raise; validation is left to
who reads the JSON.
"""

from __future__ import annotations

from typing import Any

import msgspec

JsonValue = Any
"""None, bool, int, float, str, a list of such, or a dict of such with str keys."""

JsonObject = dict[str, Any]
"""A JSON object."""

BROKEN_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding others' bytes raises; a text within that is not UTF-8 has an error of its own."""

MAX_NESTING = 100
"""How deep a result may be nested; whoever shows, keeps or masks it goes as deep."""


def is_deeper(value: JsonValue, levels: int) -> bool:
    """Say whether lists and objects are nested more than ``levels`` deep."""
    layer: list[JsonValue] = [value]
    for _ in range(levels + 1):
        layer = [
            inner
            for outer in layer
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not layer:
            return False
    return True
