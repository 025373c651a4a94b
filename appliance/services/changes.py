"""What a PATCH body changes: an absent field is not the same as a null.

Owns reading such a body and applying it; what a change means is left to the service of its subject.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import UNSET, Struct

from appliance.domain.json_types import JsonObject

Changed = TypeVar("Changed", bound=Struct)


class Changes(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A body whose absent fields leave theirs as they are; changes may lie within changes."""


def read_changes(changes: Struct) -> JsonObject:
    """Return the fields of ``changes`` that were given, nulls included."""
    return {
        name: value
        for name in changes.__struct_fields__
        if (value := getattr(changes, name)) is not UNSET
    }


def apply_changes(current: Changed, changes: Changes) -> Changed:
    """Return ``current`` with the given fields changed, at every depth."""
    return msgspec.structs.replace(
        current,
        **{
            name: apply_changes(getattr(current, name), value)
            if isinstance(value, Changes)
            else value
            for name, value in read_changes(changes).items()
        },
    )
