"""Names for JSON at the edges, before it is parsed into structs.

Owns the two aliases only; validation is left to who reads the JSON.
"""

from __future__ import annotations

from typing import Any

JsonValue = Any
"""None, bool, int, float, str, a list of such, or a dict of such with str keys."""

JsonObject = dict[str, Any]
"""A JSON object."""
