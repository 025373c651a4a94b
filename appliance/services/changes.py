"""Reading what a PATCH body gives: an absent field is not the same as a null.

Owns that one reading; what a change means is left to the service of its subject.
"""

from __future__ import annotations

from msgspec import UNSET, Struct

from appliance.domain.json_types import JsonObject


def read_changes(changes: Struct) -> JsonObject:
    """Return the fields of ``changes`` that were given, nulls included."""
    return {
        name: value
        for name in changes.__struct_fields__
        if (value := getattr(changes, name)) is not UNSET
    }
