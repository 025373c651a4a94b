"""Which models answer, put together: each provider with its breakers, the choice, the checks.

Owns building them from the settings; what is done with an answer is left to
``appliance.bootstrap.conversations``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from msgspec import Struct

from appliance.agent.circuit_breaker import ProviderBreakers
from appliance.agent.resilient_model import ResilientModel
from appliance.domain.tenant import BUILTIN
from appliance.ports.chat_model import ChatModel
from appliance.ports.clock import Clock
from appliance.providers.ollama import OllamaChatModel
from appliance.services.model_libraries import ModelLibraries
from appliance.services.model_selection import ModelSelector
from appliance.services.provider_checks import ProviderChecks
from appliance.settings import Settings
from appliance.tasks import TaskGroup


class ModelServices(Struct, frozen=True, kw_only=True):
    """What chooses models for visitors, and what looks at, gets and removes them for operators."""

    selector: ModelSelector
    checks: ProviderChecks
    libraries: ModelLibraries


def build_models(
    settings: Settings,
    providers: Mapping[str, ChatModel],
    clock: Clock,
    tasks: TaskGroup,
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> ModelServices:
    """Return the services around ``providers``; all but the builtin one may fail."""
    default_models = {
        "ollama": settings.ollama_model,
        "anthropic": settings.anthropic_model,
        "openai_compatible": settings.openai_model,
    }
    breakers = {name: ProviderBreakers(name, clock) for name in providers if name != BUILTIN}
    resilient = {
        name: ResilientModel(providers[name], own, clock, sleep=sleep)
        for name, own in breakers.items()
    }
    return ModelServices(
        selector=ModelSelector(
            providers={**providers, **resilient},
            breakers=breakers,
            default=settings.llm_provider,
            default_models=default_models,
            clock=clock,
            tasks=tasks,
        ),
        checks=ProviderChecks(
            providers=providers, breakers=breakers, default_models=default_models, clock=clock
        ),
        libraries=ModelLibraries(
            {
                name: provider.library
                for name, provider in providers.items()
                if isinstance(provider, OllamaChatModel)
            }
        ),
    )
