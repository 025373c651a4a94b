"""What is known of Claude's models: from ``models.toml``, and from the API for all others.

Owns the facts that shape a request; asking the API is left to ``api``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec
from msgspec import Struct

from appliance.providers.anthropic.wire import ModelEntry


class ModelFacts(Struct, frozen=True, kw_only=True):
    """What matters of one model when it is called; see ``models.toml`` for each field."""

    context_length_tokens: int
    max_output_tokens: int | None = None
    effort: Literal["low", "medium", "high"] | None = None
    thinking_tokens: int = 0

    def output_limit(self, wanted_tokens: int) -> int:
        """Return ``max_tokens`` for an answer of ``wanted_tokens``; thinking counts towards it."""
        limit = wanted_tokens + self.thinking_tokens
        return limit if self.max_output_tokens is None else min(limit, self.max_output_tokens)


class ModelBook(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file's content."""

    default_model: str
    models: Mapping[str, ModelFacts]
    unknown: ModelFacts


@cache
def load_models() -> ModelBook:
    """Return the content of ``models.toml``."""
    content = files("appliance.providers.anthropic").joinpath("models.toml").read_bytes()
    return msgspec.toml.decode(content, type=ModelBook)


def read_facts(entry: ModelEntry) -> ModelFacts:
    """Return the facts in what the API says of a model that is not in the file."""
    unknown = load_models().unknown
    effort = entry.capabilities.effort if entry.capabilities else None
    return ModelFacts(
        context_length_tokens=entry.max_input_tokens or unknown.context_length_tokens,
        max_output_tokens=entry.max_tokens,
        effort="low" if effort is not None and effort.low.supported else None,
        thinking_tokens=unknown.thinking_tokens,
    )
