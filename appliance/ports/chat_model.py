"""A model that talks and asks for tools.

Owns the port every provider implements and the shapes that cross it; which provider serves a
tenant is decided by ``appliance.services.model_selection``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Literal, Protocol

from msgspec import Struct, field

from appliance.domain.json_types import JsonObject
from appliance.domain.message import ChatMessage, Citation, TokenUsage
from appliance.domain.tenant import BusinessInfo
from appliance.domain.tool import ToolCall, ToolSpec

FinishReason = Literal["stop", "tool_calls", "length", "content_filter"]


class Briefing(Struct, frozen=True, kw_only=True):
    """What the answerer may know of the shop, as data.

    The system message says the same in prose; a provider without a language model reads this.
    ``language`` is the visitor's, as a BCP 47 tag; ``now`` is aware, in the shop's time zone.
    """

    shop_name: str
    business_info: BusinessInfo = field(default_factory=BusinessInfo)
    language: str = "en"
    now: datetime


class ChatRequest(Struct, frozen=True, kw_only=True):
    """One call of a model.

    ``messages`` are oldest first: exactly one system message at the front, and every tool message
    behind the assistant message that asked for it. ``model`` is the provider's own name for it, or
    ``None`` for the provider's choice. ``withheld_tools`` were offered earlier in the turn and must
    not be called any more; only a provider that has to repeat how the turn began declares them.
    ``answer_within_s`` is what is left of the turn; who builds the models sees to it, so that a
    provider only has deadlines of its own to keep.
    """

    messages: tuple[ChatMessage, ...]
    briefing: Briefing
    tools: tuple[ToolSpec, ...] = ()
    withheld_tools: tuple[ToolSpec, ...] = ()
    model: str | None = None
    temperature: float = 0.3
    max_output_tokens: int = 2048
    answer_within_s: float | None = None

    @property
    def declared_tools(self) -> tuple[ToolSpec, ...]:
        """The tools that may go along, whether or not they may be called now."""
        return self.tools or self.withheld_tools


class TextDelta(Struct, frozen=True, kw_only=True):
    """Some more text of the answer, never empty."""

    text: str


class ToolCallRequested(Struct, frozen=True, kw_only=True):
    """One complete tool call."""

    call: ToolCall


ModelSignal = Literal["unsure", "wants_human"]
"""What a provider itself makes of a message: it has no answer, or the visitor wants a person."""


class ModelFinished(Struct, frozen=True, kw_only=True):
    """Always the last event. ``model`` is the name of the model that really answered.

    ``asks_for`` is the call for which the answer asks the visitor, with what is known of it.
    """

    finish_reason: FinishReason
    model: str
    usage: TokenUsage = field(default_factory=TokenUsage)
    provider_state: JsonObject | None = None
    citations: tuple[Citation, ...] = ()
    quick_replies: tuple[str, ...] = ()
    signal: ModelSignal | None = None
    asks_for: ToolCall | None = None


ModelEvent = TextDelta | ToolCallRequested | ModelFinished


class ModelDescription(Struct, frozen=True, kw_only=True):
    """One model that a provider offers; ``None`` where the provider does not say."""

    name: str
    capabilities: tuple[str, ...] = ()
    context_length_tokens: int | None = None
    size_bytes: int | None = None


class ChatModel(Protocol):
    """A provider of answers."""

    @property
    def name(self) -> str:
        """The provider's name, as settings and ``model`` fields write it."""
        ...

    def stream(self, request: ChatRequest) -> AsyncGenerator[ModelEvent, None]:
        """Answer ``request``: text and tool calls as they come, then one ``ModelFinished``.

        Closing the generator early cancels the call at the provider.

        Raises:
            Unavailable: It may work later; raised before or in the middle of the text.
            AuthFailed: The credential was refused.
            Rejected: The provider refused this request, for example an unknown model.
            ContextWindowExceeded: The messages do not fit.
        """
        ...

    async def context_length(self, model: str | None) -> int | None:
        """Return how many tokens ``model`` takes, prompt and answer together.

        ``None`` when there is no limit or it is not known. Never raises: what cannot be asked is
        not known.
        """
        ...

    async def list_models(self) -> list[ModelDescription]:
        """Return the models this provider can answer with.

        Raises:
            Unavailable: The provider does not answer.
            AuthFailed: The credential was refused.
        """
        ...

    async def aclose(self) -> None:
        """Close the provider's connections."""
        ...
