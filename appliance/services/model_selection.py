"""Which models answer a tenant's visitors, in which order.

Owns the choice and its order of fallback; asking them is left to ``appliance.agent.runner``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import structlog
from msgspec import Struct

from appliance.agent.model_calls import AnswerModel
from appliance.domain.tenant import Tenant
from appliance.errors import UpstreamError
from appliance.ports.chat_model import ChatModel
from appliance.ports.clock import Clock
from appliance.tasks import TaskGroup

logger = structlog.get_logger(__name__)

BUILTIN = "builtin"
LOCAL = "ollama"
PROBE_EVERY_S = 15.0


class ProviderState(Struct, frozen=True, kw_only=True):
    """The default provider as health reports it."""

    status: Literal["ok", "degraded"]
    provider: str
    model: str | None = None
    detail: str | None = None


class ModelSelector:
    """Chooses models by the tenant's settings, else by the appliance's.

    ``default`` is a provider's name, or ``auto``: the local one when it answers and has a model,
    otherwise ``builtin``. The builtin answerer is always the last resort.
    """

    def __init__(
        self,
        *,
        providers: Mapping[str, ChatModel],
        default: str,
        default_models: Mapping[str, str | None],
        clock: Clock,
        tasks: TaskGroup,
    ) -> None:
        self._providers = providers
        self._default = default
        self._default_models = default_models
        self._clock = clock
        self._tasks = tasks
        self._has_local: bool | None = None
        self._local_problem: str | None = None
        self._probed_at = float("-inf")

    async def choose(self, tenant: Tenant) -> list[AnswerModel]:
        """Return the models to try for ``tenant``, best first, ``builtin`` last."""
        wanted: list[tuple[str, str | None]] = []
        if tenant.llm.provider:
            wanted.append((tenant.llm.provider, tenant.llm.model))
        else:
            provider = await self._default_provider()
            wanted.append((provider, tenant.llm.model or self._default_models.get(provider)))
        wanted += [(choice.provider, choice.model) for choice in tenant.llm.fallbacks]
        wanted.append((BUILTIN, None))
        chosen: list[AnswerModel] = []
        for name, model in dict.fromkeys(wanted):
            provider_port = self._providers.get(name)
            if provider_port is None:
                logger.warning("provider_unknown", provider=name, tenant_id=tenant.id)
                continue
            chosen.append(
                AnswerModel(provider=provider_port, model=None if name == BUILTIN else model)
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
        if provider == LOCAL and not self._has_local:
            return ProviderState(status="degraded", provider=provider, detail=self._local_problem)
        return ProviderState(
            status="ok", provider=provider, model=self._default_models.get(provider)
        )

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
