"""Asking a turn's models, in order, until one answers.

Owns the order of fallback, the turn's time for all of them, what counts as an answer and as its
visible beginning, and noting what each model used; patience with one model and trying it again are
left to ``appliance.agent.resilient_model``, what follows from an answer to
``appliance.agent.loop``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import msgspec
import structlog
from msgspec import Struct

from appliance.agent.history import fit_messages
from appliance.agent.tool_runs import TurnTally
from appliance.agent.trace import describe, describe_calls, describe_messages
from appliance.domain.ids import TenantId
from appliance.domain.message import ChatMessage, TokenUsage
from appliance.domain.prices import PriceList
from appliance.domain.tokens import estimate_tokens
from appliance.errors import (
    ApplianceError,
    BudgetExceeded,
    ContextWindowExceeded,
    Unavailable,
    UpstreamError,
)
from appliance.ports.chat_model import (
    ChatModel,
    ChatRequest,
    ModelEvent,
    ModelFinished,
    TextDelta,
    ToolCallRequested,
)
from appliance.ports.clock import Clock
from appliance.ports.turn_store import ModelUsage

logger = structlog.get_logger(__name__)

SECOND_ROOM = 0.5
"""What of a model's context window is used when it said that the messages do not fit."""

MODELS_TIME_S = 240.0
"""How long the models of one turn may take together with its tools; the last one answers then."""

LEAST_ROOM_CHARS = 20_000
MOST_CHARS_PER_TOKEN = 8
"""An answer that is longer than this many of what was asked for comes from a model that runs on."""

KNOWN_ALREADY = frozenset({"breaker_open", "budget_exceeded", "provider_not_set_up"})
"""Codes of failures that the operator was told of when they began."""


class AnswerModel(Struct, frozen=True, kw_only=True):
    """A provider and which of its models to ask; ``None`` lets the provider choose.

    ``only_quotes``: it says what the shop wrote and what tools returned, and nothing of its own.
    """

    provider: ChatModel
    model: str | None = None
    only_quotes: bool = False


class AnswerBroke(Exception):
    """A model failed behind text that the visitor may have seen already."""

    def __init__(self, cause: ApplianceError) -> None:
        super().__init__(cause.message)
        self.cause = cause


class ModelCalls:
    """The models of one turn. One that failed is not asked again in the same turn.

    Args:
        models: Tried in order; the last one must not fail.
        tally: Told what each answer used.
        prices: What they cost.
        tenant_id: For whom, for the log.
        clock: Measures the turn's time, which begins now.
        max_input_tokens: The tenant's own limit of a prompt, besides each model's.
    """

    def __init__(
        self,
        models: Sequence[AnswerModel],
        tally: TurnTally,
        *,
        prices: PriceList,
        tenant_id: TenantId,
        clock: Clock,
        max_input_tokens: int | None = None,
    ) -> None:
        self._models = models
        self._tally = tally
        self._prices = prices
        self._tenant_id = tenant_id
        self._clock = clock
        self._ends_at = clock.monotonic() + MODELS_TIME_S
        self._index = 0
        self._answered_by: str | None = None
        self._max_input_tokens = max_input_tokens
        self._traced: tuple[ChatMessage, ...] = ()

    @property
    def is_fallback(self) -> bool:
        """Whether the model that was wanted has failed."""
        return self._index > 0

    @property
    def only_quotes(self) -> bool:
        """Whether the one that answers now says nothing of its own."""
        return self._models[self._index].only_quotes

    @property
    def model_name(self) -> str:
        """The model that answers now, as a reply names it: ``provider/model``."""
        choice = self._models[self._index]
        provider = choice.provider.name
        name = self._answered_by or choice.model or provider
        return provider if name == provider else f"{provider}/{name}"

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ModelEvent, None]:
        """Answer ``request``, whose ``model`` is filled in for each model that is asked.

        Nothing of an answer that failed before its first visible word is yielded, no tool call of
        one that failed at all.

        Raises:
            AnswerBroke: The answer ends in the middle of its text. When nothing of it was seen,
                ``leave_broken`` and ask again.
            UpstreamError: No model answers.
            ContextWindowExceeded: No model can read all of it.
        """
        is_second_try = False
        room = 1.0
        while True:
            choice = self._models[self._index]
            said: list[str] = []
            try:
                async with aclosing(self._ask(choice, request, room)) as events:
                    async for event in events:
                        if isinstance(event, TextDelta):
                            said.append(event.text)
                        yield event
                return
            except asyncio.CancelledError:
                if said:
                    self._note_broken(choice, request, "".join(said))
                raise
            except (UpstreamError, ContextWindowExceeded, BudgetExceeded) as error:
                self._log(choice, error)
                self._tally.trace.note(
                    "model_failure",
                    provider=choice.provider.name,
                    model=choice.model,
                    code=error.code,
                    error=error.message,
                    said="".join(said),
                )
                if said:
                    self._note_broken(choice, request, "".join(said))
                    raise AnswerBroke(error) from error
                if isinstance(error, ContextWindowExceeded) and room == 1.0 and not self._is_last:
                    room = SECOND_ROOM  # the estimate was wrong, and only the model can count
                    continue
                if error.code == "empty_answer" and not is_second_try:
                    is_second_try = True
                    continue
                if self._is_last:
                    raise
                self._index += 1
                is_second_try = False
                room = 1.0

    def leave_broken(self) -> bool:
        """Leave the model whose answer broke; say whether there is another to be asked."""
        if self._is_last:
            return False
        self._index += 1
        return True

    @property
    def _is_last(self) -> bool:
        return self._index == len(self._models) - 1

    async def _ask(
        self, choice: AnswerModel, request: ChatRequest, room: float
    ) -> AsyncGenerator[ModelEvent, None]:
        """Yield one model's answer: blanks only before a word, calls only when it is whole."""
        self._answered_by = None
        left_s = self._ends_at - self._clock.monotonic()
        if left_s <= 0 and not self._is_last:
            raise Unavailable("The turn has no time left for it.", code="timed_out")
        asked = msgspec.structs.replace(
            request, model=choice.model, answer_within_s=None if self._is_last else left_s
        )
        asked = await self._fit(choice, asked, room)
        self._trace_call(choice, asked)
        blanks = ""
        has_said = False
        texts: list[str] = []
        first_token_ms: float | None = None
        calls: list[ToolCallRequested] = []
        room_chars = max(LEAST_ROOM_CHARS, MOST_CHARS_PER_TOKEN * request.max_output_tokens)
        async with aclosing(choice.provider.stream(asked)) as events:
            async for event in events:
                first_token_ms = first_token_ms or self._tally.trace.elapsed_ms
                if isinstance(event, TextDelta):
                    text = event.text[:room_chars]
                    room_chars -= len(text)
                    texts.append(text)
                    has_said = has_said or bool(text.strip())
                    if has_said:
                        yield TextDelta(text=blanks + text)
                        blanks = ""
                    else:
                        blanks += text
                    if room_chars == 0:
                        raise Unavailable("The model does not end its answer.", code="endless")
                elif isinstance(event, ToolCallRequested):
                    calls.append(event)
                else:
                    self._note(choice, event)
                    self._tally.trace.note(
                        "model_reply",
                        provider=choice.provider.name,
                        model=event.model,
                        text="".join(texts),
                        calls=describe_calls([item.call for item in calls]),
                        finish_reason=event.finish_reason,
                        usage=describe(event.usage),
                        first_token_at_ms=first_token_ms,
                    )
                    if not has_said and not self._is_last:
                        _require_purpose(calls, request)
                    for call in calls:
                        yield call
                    yield event

    async def _fit(self, choice: AnswerModel, request: ChatRequest, room: float) -> ChatRequest:
        """Return ``request`` without the oldest turns that the model has no room for."""
        length = await choice.provider.context_length(choice.model)
        answer = 0 if length is None else min(request.max_output_tokens, length // 2)
        limits = [self._max_input_tokens] if self._max_input_tokens else []
        if length is not None:
            limits.append(length - answer)
        if not limits:
            return request
        messages = fit_messages(
            request.messages,
            max_input_tokens=int(min(limits) * room),
            fixed_tokens=sum(tool.tokens for tool in request.declared_tools),
        )
        return msgspec.structs.replace(request, messages=messages)

    def _trace_call(self, choice: AnswerModel, request: ChatRequest) -> None:
        """Note what is asked; messages that an earlier call of this turn had are only counted."""
        before = self._traced
        is_longer = request.messages[: len(before)] == before
        repeated = len(before) if is_longer else 0
        self._traced = request.messages
        self._tally.trace.note(
            "model_call",
            provider=choice.provider.name,
            model=choice.model,
            repeated_messages=repeated,
            messages=describe_messages(request.messages[repeated:]),
            tools=[tool.name for tool in request.tools],
            temperature=request.temperature,
            max_output_tokens=request.max_output_tokens,
        )

    def _note(self, choice: AnswerModel, finished: ModelFinished) -> None:
        self._answered_by = finished.model
        self._add_usage(choice.provider.name, finished.model, finished.usage)

    def _note_broken(self, choice: AnswerModel, request: ChatRequest, said: str) -> None:
        """Count about what an answer has used that broke before its provider could say."""
        asked = msgspec.json.encode([request.messages, request.declared_tools])
        usage = TokenUsage(input_tokens=estimate_tokens(asked), output_tokens=estimate_tokens(said))
        self._add_usage(choice.provider.name, choice.model or choice.provider.name, usage)

    def _add_usage(self, provider: str, model: str, usage: TokenUsage) -> None:
        cost = self._prices.cost_micro_usd(provider, model, usage)
        self._tally.usage.append(
            ModelUsage(provider=provider, model=model, usage=usage, cost_micro_usd=cost)
        )

    def _log(self, choice: AnswerModel, error: ApplianceError) -> None:
        log = logger.info if error.code in KNOWN_ALREADY else logger.warning
        log(
            "model_failed",
            provider=choice.provider.name,
            model=choice.model,
            code=error.code,
            error=error.message,
            tenant_id=self._tenant_id,
        )


def _require_purpose(calls: Sequence[ToolCallRequested], request: ChatRequest) -> None:
    """Refuse an answer without a word that asks for nothing it may have.

    Raises:
        Unavailable: It is of no use to the visitor.
    """
    if not calls:
        raise Unavailable("The model answered without a word.", code="empty_answer")
    if not request.tools:
        raise Unavailable(
            "The model keeps asking for tools in the place of an answer.", code="tool_loop"
        )
