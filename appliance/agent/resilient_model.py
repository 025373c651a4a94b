"""A provider that may hang, fail or be overloaded, made safe to wait for.

Owns, for one call: the visitor's patience, tries before the first word, and the breaker. How long
the wire may be silent is decided by the provider, which alone sees whether anything arrives; which
model is asked next is left to ``appliance.agent.model_calls`` (docs/adr/0019).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

import structlog
from msgspec import Struct

from appliance.agent.circuit_breaker import ProviderBreakers
from appliance.backoff import backoff_s
from appliance.errors import AuthFailed, Unavailable
from appliance.ports.chat_model import (
    ChatModel,
    ChatRequest,
    ModelDescription,
    ModelEvent,
    ModelFinished,
)
from appliance.ports.clock import Clock

logger = structlog.get_logger(__name__)

MAX_RETRIES = 2
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 5.0
NEVER_REPEATED = frozenset({"timed_out", "broken_response"})
"""Codes of failures that a second try only repeats while the visitor waits."""


class Patience(Struct, frozen=True, kw_only=True):
    """How long a visitor is left waiting, whatever the model is doing meanwhile.

    ``silence_s`` without a new piece of the answer, ``total_s`` for all of it, tries included.
    """

    silence_s: float = 120.0
    total_s: float = 300.0


class ResilientModel:
    """Implements ``ChatModel`` around a provider.

    Args:
        provider: Who answers.
        breakers: The provider's.
        clock: Measures patience.
        patience: How long to wait.
        sleep: Waits for some seconds between tries.
        jitter: Returns a random number from 0 to 1.
    """

    def __init__(
        self,
        provider: ChatModel,
        breakers: ProviderBreakers,
        clock: Clock,
        *,
        patience: Patience | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._provider = provider
        self._breakers = breakers
        self._clock = clock
        self._patience = patience or Patience()
        self._sleep = sleep
        self._jitter = jitter

    @property
    def name(self) -> str:
        """The provider's name."""
        return self._provider.name

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ModelEvent, None]:
        """Answer ``request`` as ``ChatModel.stream`` promises, in the time that it gives."""
        admission = self._breakers.admit(request.model)
        ends_at = self._clock.monotonic() + min(
            self._patience.total_s, request.answer_within_s or self._patience.total_s
        )
        attempts_made = 0
        while True:
            has_begun = False
            try:
                async with aclosing(self._attempt(request, ends_at)) as events:
                    async for event in events:
                        has_begun = True
                        if isinstance(event, ModelFinished):
                            self._breakers.note_success(request.model)
                        yield event
                return
            except (Unavailable, AuthFailed) as error:
                attempts_made += 1
                wait_s = None if has_begun else self._wait_s(error, attempts_made, ends_at)
                if wait_s is None:
                    self._breakers.note_failure(admission, error)
                    raise
                logger.info(
                    "model_retried", provider=self.name, model=request.model, error=error.message
                )
            await self._sleep(wait_s)

    async def context_length(self, model: str | None) -> int | None:
        """Return what the provider says."""
        return await self._provider.context_length(model)

    async def list_models(self) -> list[ModelDescription]:
        """Return what the provider lists."""
        return await self._provider.list_models()

    async def aclose(self) -> None:
        """Close the provider's connections."""
        await self._provider.aclose()

    async def _attempt(
        self, request: ChatRequest, ends_at: float
    ) -> AsyncGenerator[ModelEvent, None]:
        async with aclosing(self._provider.stream(request)) as events:
            while True:
                left_s = ends_at - self._clock.monotonic()
                try:
                    async with asyncio.timeout(max(0.0, min(left_s, self._patience.silence_s))):
                        event = await anext(events)
                except StopAsyncIteration:
                    return
                except TimeoutError as exc:
                    raise Unavailable(
                        f"The provider {self.name!r} took longer to answer than a visitor waits.",
                        code="timed_out",
                    ) from exc
                yield event

    def _wait_s(
        self, error: Unavailable | AuthFailed, attempts_made: int, ends_at: float
    ) -> float | None:
        """Return the seconds until the next try, ``None`` to give up."""
        if isinstance(error, AuthFailed) or error.code in NEVER_REPEATED:
            return None
        if attempts_made > MAX_RETRIES:
            return None
        if error.retry_after_s is not None:
            wait_s = error.retry_after_s
        elif error.code == "rate_limited":
            return None  # nobody says when; the next model answers now
        else:
            wait_s = backoff_s(FIRST_WAIT_S, attempts_made=attempts_made, jitter=self._jitter())
        is_worth_it = wait_s <= LONGEST_WAIT_S and self._clock.monotonic() + wait_s < ends_at
        return wait_s if is_worth_it else None
