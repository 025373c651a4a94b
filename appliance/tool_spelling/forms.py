"""The ways in which a model can call tools.

Owns their names and which reader fits; which form a model takes is found out by its provider.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from appliance.domain.tool import ToolSpec
from appliance.tool_spelling.constrained_reader import ConstrainedReader
from appliance.tool_spelling.free_reader import FreeReader
from appliance.tool_spelling.reading import AnswerReader, ProseReader

ToolForm = Literal["native", "constrained", "prompted"]
"""How a model calls tools: by itself, held to a schema, or only told how."""


def choose_reader(tools: Sequence[ToolSpec], form: ToolForm) -> AnswerReader:
    """Return the reader for the text of an answer to a request with ``tools``."""
    if not tools:
        return ProseReader()
    return ConstrainedReader(tools) if form == "constrained" else FreeReader(tools)
