"""What a tool is called, and how much of that a message says.

Owns reading the tool's name and titles as words; what it counts for is left to ``tool_matching``.
"""

from __future__ import annotations

from collections.abc import Sequence

from appliance.domain.tool import ToolSpec
from appliance.providers.builtin.lexicon import Reading, load_lexicon
from appliance.wording import humanise, list_titles

WordKeys = frozenset[str]
"""What one word may be looked up under."""


def read_names(tool: ToolSpec) -> list[list[WordKeys]]:
    """Return the name of a tool and its titles, each as its words that carry a topic."""
    texts = (humanise(tool.name), *list_titles(tool.parameters_schema))
    return [word_keys(load_lexicon().read(text)) for text in texts]


def word_keys(reading: Reading) -> list[WordKeys]:
    """Return the keys of each word that carries a topic."""
    return [
        frozenset(key for key, _ in reading.keys(position))
        for position in range(len(reading.words))
        if position not in reading.stop
    ]


def said_part(names: Sequence[Sequence[WordKeys]], said: Sequence[WordKeys]) -> float:
    """Return the part of the best said name that is said, each word of it by one of its own."""
    return max((_part(name, said) for name in names), default=0.0)


def _part(name: Sequence[WordKeys], said: Sequence[WordKeys]) -> float:
    left = list(said)
    count = 0
    for keys in name:
        found = next((one for one in left if not keys.isdisjoint(one)), None)
        if found is not None:
            left.remove(found)
            count += 1
    return count / len(name) if name else 0.0
