"""The providers as operators see them: set up, working, resting, with which models.

Owns looking and asking for real; who may do it is decided by ``appliance.web.guards``, which
provider answers whom by ``appliance.services.model_selection``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from typing import Literal

from msgspec import Struct

from appliance.agent.circuit_breaker import BreakerState, ProviderBreakers
from appliance.domain.message import ChatMessage
from appliance.domain.tenant import PROVIDER_NAMES, canonical_provider
from appliance.errors import ApplianceError, NotFound, Unavailable
from appliance.ports.chat_model import (
    Briefing,
    ChatModel,
    ChatRequest,
    ModelDescription,
    ModelFinished,
)
from appliance.ports.clock import Clock
from appliance.services.model_selection import find_remedy

LOOK_TIME_S = 8.0
CHECK_TIME_S = 90.0
"""Time for a local model that has to be loaded first."""

ProviderStatus = Literal["ok", "degraded", "unavailable", "not_set_up"]


class ProviderView(Struct, frozen=True, kw_only=True):
    """One provider. It is degraded while some breaker of it is not closed; ``detail`` says why."""

    name: str
    configured: bool
    status: ProviderStatus
    detail: str | None = None
    breakers: list[BreakerState] = []
    models: list[ModelDescription] = []


class CheckResult(Struct, frozen=True, kw_only=True):
    """Whether a model really answered, which one, and how long it took."""

    ok: bool
    provider: str
    model: str | None
    detail: str
    duration_ms: int


class ProviderChecks:
    """Looks at providers and asks them; ``default_models`` are the operator's, by provider."""

    def __init__(
        self,
        *,
        providers: Mapping[str, ChatModel],
        breakers: Mapping[str, ProviderBreakers],
        default_models: Mapping[str, str | None],
        clock: Clock,
    ) -> None:
        self._providers = providers
        self._breakers = breakers
        self._default_models = default_models
        self._clock = clock

    async def list_all(self) -> list[ProviderView]:
        """Return every provider that could be chosen, asked at the same time for its models."""
        return list(await asyncio.gather(*(self._look_at(name) for name in PROVIDER_NAMES)))

    async def look_at(self, name: str) -> ProviderView:
        """Return one provider.

        Raises:
            NotFound: There is no such provider.
        """
        return await self._look_at(_require_known(name))

    async def check(self, name: str, model: str | None) -> CheckResult:
        """Have a provider answer one small question, also while it rests; success ends the rest.

        Raises:
            NotFound: There is no such provider.
        """
        known = _require_known(name)
        wanted = model or self._default_models.get(known)
        began_at = self._clock.monotonic()
        answered_by, problem = None, None
        try:
            answered_by = await self._ask(known, wanted)
        except ApplianceError as error:
            problem = error.message
        return CheckResult(
            ok=problem is None,
            provider=known,
            model=answered_by or wanted,
            detail=problem or "It answered.",
            duration_ms=round((self._clock.monotonic() - began_at) * 1000),
        )

    async def _look_at(self, name: str) -> ProviderView:
        provider = self._providers.get(name)
        if provider is None:
            return ProviderView(
                name=name, configured=False, status="not_set_up", detail=find_remedy(name)
            )
        breakers = self._breakers[name].states() if name in self._breakers else []
        models: list[ModelDescription] = []
        status: ProviderStatus = "degraded" if breakers else "ok"
        detail = breakers[0].last_error if breakers else None
        try:
            models = await _list_in_time(provider)
        except ApplianceError as error:
            status, detail = "unavailable", error.message
        return ProviderView(
            name=name,
            configured=True,
            status=status,
            detail=detail,
            breakers=breakers,
            models=models,
        )

    async def _ask(self, name: str, model: str | None) -> str:
        provider = self._providers.get(name)
        if provider is None:
            raise Unavailable(find_remedy(name), code="provider_not_set_up")
        request = ChatRequest(
            messages=(
                ChatMessage(role="system", content="Answer with one word."),
                ChatMessage(role="user", content="Say OK."),
            ),
            briefing=Briefing(shop_name="", now=self._clock.now()),
            model=model,
            max_output_tokens=16,
        )
        try:
            async with asyncio.timeout(CHECK_TIME_S), aclosing(provider.stream(request)) as events:
                async for event in events:
                    if isinstance(event, ModelFinished):
                        if name in self._breakers:
                            self._breakers[name].note_success(model)
                        return event.model
        except TimeoutError as exc:
            raise Unavailable(f"It did not answer in {CHECK_TIME_S:.0f} s.") from exc
        raise Unavailable("It ended without an answer.", code="broken_response")


def _require_known(name: str) -> str:
    known = canonical_provider(name)
    if known not in PROVIDER_NAMES:
        raise NotFound(
            f"There is no provider {name!r}. Choose one of {', '.join(PROVIDER_NAMES)}.",
            code="provider_not_found",
        )
    return known


async def _list_in_time(provider: ChatModel) -> list[ModelDescription]:
    try:
        async with asyncio.timeout(LOOK_TIME_S):
            return await provider.list_models()
    except TimeoutError as exc:
        raise Unavailable(f"It did not list its models in {LOOK_TIME_S:.0f} s.") from exc
