"""Which tool a model means by the name it wrote.

Owns the comparison of names; what becomes of an unknown one is left to the agent, which refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from appliance.domain.tool import ToolSpec

NAMESPACES = ("functions.", "function.", "tools.", "tool.", "default_api.", "api.")
NAMESPACE = re.compile(r"(?:functions?|tools?|default_api|api)[.:/]", re.IGNORECASE)
SIGN = re.compile(r"[\W_]+")
CALL_NUMBER = re.compile(r":\d+$")


def squeeze(name: str) -> str:
    """Return ``name`` without letter case, signs and blanks: what all its spellings share."""
    return SIGN.sub("", name.casefold())


_squeeze_known = lru_cache(maxsize=1_000)(squeeze)


def match_name(written: str, names: Iterable[str]) -> str | None:
    """Return the one of ``names`` that is ``written``, or the only one spelled alike."""
    alike = []
    for name in names:
        if name == written:
            return name
        if squeeze(name) == squeeze(written):
            alike.append(name)
    return alike[0] if len(alike) == 1 else None


class KnownTools:
    """The tools of a request, found by how models spell their names."""

    def __init__(self, tools: Sequence[ToolSpec]) -> None:
        self._exact = {tool.name: tool for tool in tools}
        self._alike: dict[str, ToolSpec | None] = {}
        for tool in self._exact.values():
            key = _squeeze_known(tool.name)
            self._alike[key] = None if key in self._alike else tool

    def find(self, written: str) -> ToolSpec | None:
        """Return the tool, or ``None`` when no or more than one tool is spelled like it."""
        if written in self._exact:
            return self._exact[written]
        bare = CALL_NUMBER.sub("", NAMESPACE.sub("", written.strip(), count=1))
        return (
            self._exact.get(bare)
            or self._alike.get(squeeze(written))
            or self._alike.get(squeeze(bare))
        )

    def may_begin(self, written: str) -> bool:
        """Say whether ``written`` may be the beginning of a tool's name."""
        if any(namespace.startswith(written.lower()) for namespace in NAMESPACES):
            return True
        start = squeeze(NAMESPACE.sub("", written, count=1))
        return any(name.startswith(start) for name in self._alike)
