"""Which tool a model means by the name it wrote.

Owns the comparison of names; what becomes of an unknown one is left to the agent, which refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from appliance.domain.tool import ToolSpec

NAMESPACE = re.compile(r"(?:functions?|tools?|default_api|api)[.:/]")
CALL_NUMBER = re.compile(r":\d+$")


def squeeze(name: str) -> str:
    """Return ``name`` without letter case, signs and blanks: what all its spellings share."""
    return "".join(character for character in name.casefold() if character.isalnum())


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
        self.by_name: Mapping[str, ToolSpec] = {tool.name: tool for tool in tools}
        self.squeezed = tuple({squeeze(tool.name) for tool in tools})

    def find(self, written: str) -> ToolSpec | None:
        """Return the tool, or ``None`` when no or more than one tool is spelled like it."""
        bare = CALL_NUMBER.sub("", NAMESPACE.sub("", written.strip(), count=1))
        for spelling in (written, bare):
            name = match_name(spelling, self.by_name)
            if name is not None:
                return self.by_name[name]
        return None

    def may_begin(self, written: str) -> bool:
        """Say whether ``written`` may be the beginning of a tool's name."""
        start = squeeze(written)
        return any(name.startswith(start) for name in self.squeezed)
