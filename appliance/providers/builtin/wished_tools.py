"""Whether a tool of the shop does what a message asks for, whoever answers it.

Owns how surely a tool must match before it goes ahead of a person; scoring is left to
``tool_matching``, what is done without such a tool to ``appliance.services.handover``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from appliance.domain.tool import ToolSpec
from appliance.providers.builtin.mentions import ReadingContext
from appliance.providers.builtin.message import read_message
from appliance.providers.builtin.spelling import Spelling
from appliance.providers.builtin.tool_matching import ToolsetCache

SURE_TOOL = 0.8
"""From what likeness to one of its examples on a tool is surely meant."""


class WishedTools:
    """Finds them; one instance serves all tenants."""

    def __init__(self) -> None:
        self._toolsets = ToolsetCache()

    def has_tool_for(self, text: str, tools: Sequence[ToolSpec], now: datetime) -> bool:
        """Say whether one of ``tools`` surely does what ``text`` asks for.

        Where the text names a person, only a tool with such an example does.
        """
        if not tools:
            return False
        toolset = self._toolsets.get(tuple(tools))
        message = read_message(text, ReadingContext(now=now), Spelling((toolset.vocabulary,)))
        best = next(iter(toolset.match(message)), None)
        if best is None:
            return False
        is_for_person = message.reading.has("intent.human")
        return best.similarity >= SURE_TOOL or (best.score >= SURE_TOOL and not is_for_person)
