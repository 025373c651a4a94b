"""What nobody reads in a log, a trace or an export: secrets.

Owns by which names and looks they are known, and the masking of them in values and in the JSON that
texts hold; what has to be masked is decided by who shows or writes it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

MASK = "[redacted]"
TOO_DEEP = "[nested too deeply]"
MAX_LEVELS = 200

_SECRET_NAMES = re.compile(
    r"(?i)(pass(word|phrase)?|secret|authorization|cookie|credential|private[_-]?key|api[_-]?key"
    r"|token$|^session_?id$)"
)
_SECRET_VALUES = re.compile(
    r"\b(?:sk-[A-Za-z0-9_-]{12,}|(?:pk|rt|sk|vs|whsec)_[A-Za-z0-9_.-]{12,}"
    r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*|shp(?:at|ca|ss)_[A-Za-z0-9]{12,})"
    r"|(?i:bearer\s+)[A-Za-z0-9._~+/-]{12,}=*"
    r"|(?<=//)[^/\s:@]*:[^/\s@]+(?=@)"
    r"|(?i:[?&][a-z_-]*(?:key|password|secret|token)=)[^&\s\"']+"
)
_NAME: Final = re.compile(r'"([^"\\]{1,200})(\\*)"\s*:\s*')
"""A member's name in JSON text; JSON within a JSON string has backslashes before its quotes."""
_MARK: Final = re.compile(r'(?<!\\)\\*"|[\[\]{}]')
_SCALAR: Final = re.compile(r'[^\s,\[\]{}"\\]*')
_EMPTY: Final = frozenset(("", "null", "false", "0"))


def redact(value: Any, *, levels: int = MAX_LEVELS) -> Any:
    """Return ``value`` with secrets masked, by the name of a field and by their own look.

    Fields are known in JSON text too. What is nested more than ``levels`` deep is left out.
    """
    if isinstance(value, str):
        return _SECRET_VALUES.sub(MASK, _mask_members(value))
    if isinstance(value, dict | list | tuple) and levels == 0:
        return TOO_DEEP
    if isinstance(value, dict):
        return {
            key: MASK if item and _names_secret(str(key)) else redact(item, levels=levels - 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact(item, levels=levels - 1) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact(str(value))


@lru_cache(maxsize=1_000)
def _names_secret(name: str) -> bool:
    return _SECRET_NAMES.search(name) is not None


def _mask_members(text: str) -> str:
    """Return ``text`` with the secret members of all JSON in it masked.

    Nothing is decoded: a tool's result may be cut off, lie between other words, or be the text of
    a member itself.
    """
    pieces: list[str] = []
    done = at = 0
    while name := _NAME.search(text, at):
        at = name.end()
        if not _names_secret(name[1]):
            continue
        at = _find_end(text, name.end(), level=len(name[2]))
        if text[name.end() : at].strip('\\"[]{} \r\n\t') not in _EMPTY:
            pieces += text[done : name.end()], f'{name[2]}"{MASK}{name[2]}"'
            done = at
    return "".join((*pieces, text[done:]))


def _find_end(text: str, start: int, *, level: int) -> int:
    """Return where the JSON value at ``start`` ends; one that is cut off ends with the text.

    Args:
        text: Where the value is.
        start: Its first character.
        level: How many backslashes stand before the quotes of its JSON.
    """
    scalar = _SCALAR.match(text, start)
    if scalar and scalar[0]:
        return scalar.end()
    depth, is_string = 0, False
    for mark in _MARK.finditer(text, start):
        if mark[0].endswith('"'):
            backslashes = len(mark[0]) - 1
            if backslashes < level:
                return mark.start()  # the string that this JSON is the text of
            # A backslash of the string's own is written as so many; they come before its end.
            if backslashes % (2 * level + 2) == level:
                is_string = not is_string
        elif not is_string:
            depth += 1 if mark[0] in "[{" else -1
        if depth <= 0 and not is_string:
            return mark.end() if depth == 0 else mark.start()
    return len(text)
