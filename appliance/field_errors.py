"""Values that somebody gave, read into structs, with the field that does not fit named.

Owns finding the field in what msgspec says; who is told of it is left to the callers.
"""

from __future__ import annotations

import re
from typing import Any, Final, TypeVar

import msgspec

from appliance.errors import InvalidInput, read_field_error

Read = TypeVar("Read")

_PLACE: Final = re.compile(r" - at `\$\.?([^`]*)`$")


def read_fields(value: Any, kind: type[Read], *, name: str = "") -> Read:
    """Return ``value`` as ``kind``.

    Args:
        value: Anything that JSON can hold.
        kind: A struct.
        name: The field that ``value`` itself is, if it is one.

    Raises:
        InvalidInput: It does not fit; names the field behind ``name``.
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as exc:
        message = str(exc)
        place = _PLACE.search(message)
        path = ".".join(part for part in (name, place[1] if place else "") if part)
        error = read_field_error(path, _PLACE.sub("", message))
        raise InvalidInput(f"The {name or 'value'} does not fit.", errors=[error]) from exc
