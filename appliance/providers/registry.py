"""The providers that exist and what they are built from.

Owns the one place that knows them all, by walking the package: a provider is a folder whose module
has ``build(dependencies) -> ChatModel``. Which one answers whom is left to
``appliance.services.model_selection``.
"""

from __future__ import annotations

from typing import Protocol, cast

from msgspec import Struct

from appliance.plugins import load_all
from appliance.ports.chat_model import ChatModel
from appliance.ports.clock import Clock
from appliance.settings import Settings

PACKAGE = "appliance.providers"


class ProviderDependencies(Struct, frozen=True, kw_only=True):
    """Everything a provider may need; each takes its part."""

    settings: Settings
    clock: Clock


class ProviderModule(Protocol):
    """What the module of a provider offers."""

    def build(self, dependencies: ProviderDependencies) -> ChatModel:
        """Return the provider; nothing is connected yet."""
        ...


def build_providers(dependencies: ProviderDependencies) -> dict[str, ChatModel]:
    """Return every provider by its name."""
    modules = [cast(ProviderModule, module) for module in load_all(PACKAGE)]
    providers = [module.build(dependencies) for module in modules]
    return {provider.name: provider for provider in providers}
