"""Which models answer a tenant's visitors, in which order.

Owns the choice, its order of fallback and the state of the default choice; asking is left to
``appliance.agent``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import structlog
from msgspec import Struct

from appliance.agent.circuit_breaker import ProviderBreakers
from appliance.agent.missing_provider import MissingProvider
from appliance.agent.model_calls import AnswerModel
from appliance.domain.tenant import BUILTIN, Tenant, canonical_provider
from appliance.errors import UpstreamError
from appliance.ports.chat_model import ChatModel
from appliance.ports.clock import Clock
from appliance.tasks import TaskGroup

logger = structlog.get_logger(__name__)

LOCAL = "ollama"
PROBE_EVERY_S = 15.0

REMEDIES: Final = {
    "anthropic": "Claude was chosen and has no key; set CSAI_ANTHROPIC_API_KEY and restart the "
    "server.",
    "openai_compatible": "OpenAI's protocol was chosen and no server is set up; set "
    "CSAI_OPENAI_API_KEY or, for a server of your own, CSAI_OPENAI_BASE_URL, and restart the "
    "server.",
}
"""What an operator does about a provider that is not set up, in one sentence."""


class ProviderState(Struct, frozen=True, kw_only=True):
    """The default provider as health reports it."""

    status: Literal["ok", "degraded"]
    provider: str
    model: str | None = None
    detail: str | None = None


class ModelSelector:
    """Chooses models by the tenant's settings, else by the appliance's.

    ``default`` is a provider's name, or ``auto``: the local one when it answers and has a model,
    otherwise ``builtin``. The builtin answerer is always the last resort. ``breakers`` are those of
    ``providers`` that have some, by name.
    """

    def __init__(
        self,
        *,
        providers: Mapping[str, ChatModel],
        default: str,
        default_models: Mapping[str, str | None],
        clock: Clock,
        tasks: TaskGroup,
        breakers: Mapping[str, ProviderBreakers] | None = None,
    ) -> None:
        self._providers = providers
        self._breakers = breakers or {}
        self._missing: dict[str, MissingProvider] = {}
        self._default = default
        self._default_models = default_models
        self._clock = clock
        self._tasks = tasks
        self._has_local: bool | None = None
        self._local_problem: str | None = None
        self._probed_at = float("-inf")
        if default != "auto" and default not in providers:
            self._report_missing(default)

    async def choose(self, tenant: Tenant) -> list[AnswerModel]:
        """Return the models to try for ``tenant``, best first, ``builtin`` last."""
        wanted: list[tuple[str, str | None]] = []
        if tenant.llm.provider:
            wanted.append((canonical_provider(tenant.llm.provider), tenant.llm.model))
        else:
            provider = await self._default_provider()
            wanted.append((provider, tenant.llm.model or self._default_models.get(provider)))
        wanted += [
            (canonical_provider(choice.provider), choice.model) for choice in tenant.llm.fallbacks
        ]
        wanted.append((BUILTIN, None))
        chosen: list[AnswerModel] = []
        for name, model in dict.fromkeys(wanted):
            provider_port = self._providers.get(name) or self._report_missing(name)
            chosen.append(
                AnswerModel(
                    provider=provider_port,
                    model=None if name == BUILTIN else model,
                    only_quotes=provider_port.name == BUILTIN,
                )
            )
            if name == BUILTIN:
                break
        return chosen

    async def probe(self) -> None:
        """Look whether the local provider can answer."""
        self._probed_at = self._clock.monotonic()
        local = self._providers.get(LOCAL)
        has_local, problem = False, None
        if local is not None:
            try:
                has_local = any(
                    not model.capabilities or "completion" in model.capabilities
                    for model in await local.list_models()
                )
                problem = None if has_local else "It answers but has no model that can chat."
            except UpstreamError as error:
                problem = error.message
        if has_local != self._has_local:
            logger.info("local_provider", provider=LOCAL, is_available=has_local, detail=problem)
        self._has_local, self._local_problem = has_local, problem

    async def state(self) -> ProviderState:
        """Return the default provider and whether it can answer."""
        provider = await self._default_provider()
        model = self._default_models.get(provider)
        detail = None
        if provider not in self._providers:
            detail = find_remedy(provider)
        elif provider == LOCAL and not self._has_local:
            detail = self._local_problem
        elif provider in self._breakers:
            detail = self._breakers[provider].find_trouble(model)
        return ProviderState(
            status="degraded" if detail else "ok", provider=provider, model=model, detail=detail
        )

    def _report_missing(self, name: str) -> MissingProvider:
        """Return what stands in for a provider that is not set up; the log tells of it once."""
        if name not in self._missing:
            self._missing[name] = MissingProvider(name, find_remedy(name))
            logger.warning("provider_not_set_up", provider=name, detail=find_remedy(name))
        return self._missing[name]

    async def _default_provider(self) -> str:
        if self._default not in ("auto", LOCAL):
            return self._default
        if self._has_local is None:
            await self.probe()
        elif self._clock.monotonic() - self._probed_at > PROBE_EVERY_S:
            self._probed_at = self._clock.monotonic()
            self._tasks.start(self.probe(), name="probe-local-provider")
        if self._default == LOCAL:
            return LOCAL
        return LOCAL if self._has_local else BUILTIN


def find_remedy(provider: str) -> str:
    """Return the operator's sentence on a provider that is not there."""
    return REMEDIES.get(provider) or f"There is no provider {provider!r}; choose another one."
