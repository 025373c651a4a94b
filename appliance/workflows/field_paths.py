"""Paths into JSON as n8n's nodes take them: ``a.b[0].c``.

Owns reading, setting and removing what a path names; expressions are JavaScript's business.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from appliance.domain.json_types import MAX_NESTING, JsonObject, JsonValue
from appliance.errors import Rejected

_PART = re.compile(r"\[(?P<index>\d+)\]|\[['\"](?P<quoted>[^'\"]*)['\"]\]|(?P<name>[^.\[\]]+)")
_MAX_INDEX = 10_000
MISSING: Any = object()
"""What ``read_path`` returns where the path leads nowhere."""


def split_path(path: str, *, is_nested: bool = True) -> list[str | int]:
    """Return the path's parts: names, and indexes as integers.

    Args:
        path: ``a.b[0]["c d"]``.
        is_nested: ``False`` takes the whole text as one name.

    Raises:
        Rejected: It leads deeper than anything may be nested.
    """
    if not is_nested:
        return [path]
    parts: list[str | int] = []
    for match in _PART.finditer(path):
        if len(parts) == MAX_NESTING:
            raise Rejected(f"the field {path[:40]!r}… has more than {MAX_NESTING} parts")
        index, quoted, name = match.group("index"), match.group("quoted"), match.group("name")
        if index is not None:
            parts.append(int(index))
        else:
            parts.append(quoted if quoted is not None else name)
    return parts or [path]


def read_path(source: JsonValue, path: str, *, is_nested: bool = True) -> JsonValue:
    """Return what the path leads to, or ``MISSING``. A field of that very name wins."""
    if isinstance(source, dict) and path in source:
        return source[path]
    current = source
    for part in split_path(path, is_nested=is_nested):
        current = _child(current, part)
        if current is MISSING:
            return MISSING
    return current


def set_path(target: JsonObject, path: str, value: JsonValue, *, is_nested: bool = True) -> None:
    """Set what the path names, making the objects and arrays it passes through."""
    parts = split_path(path, is_nested=is_nested)
    current: Any = target
    for part, following in pairwise(parts):
        child = _child(current, part)
        if not isinstance(child, dict | list):
            child = [] if isinstance(following, int) else {}
            _put(current, part, child)
        current = child
    _put(current, parts[-1], value)


def remove_path(target: JsonObject, path: str, *, is_nested: bool = True) -> None:
    """Remove what the path names, if it is there."""
    if path in target:
        del target[path]
        return
    *passed, last = split_path(path, is_nested=is_nested)
    current: Any = target
    for part in passed:
        current = _child(current, part)
    if isinstance(current, dict):
        current.pop(str(last), None)


def _child(current: Any, part: str | int) -> Any:
    if isinstance(current, dict):
        return current.get(str(part), MISSING)
    if isinstance(current, list):
        index = int(part) if str(part).isdigit() else -1
        return current[index] if 0 <= index < len(current) else MISSING
    return MISSING


def _put(current: Any, part: str | int, value: JsonValue) -> None:
    if isinstance(current, dict):
        current[str(part)] = value
    elif isinstance(current, list) and str(part).isdigit() and int(part) <= _MAX_INDEX:
        while len(current) <= int(part):
            current.append(None)
        current[int(part)] = value
