"""The providers that exist and what they are built from.

Owns the one place that knows them all, by walking the package: a provider is a folder whose module
has ``build(parts) -> ChatModel | None``. Which one answers whom is decided by
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


class ProviderParts(Struct, frozen=True, kw_only=True):
    """Everything a provider may need; each takes its part."""

    settings: Settings
    clock: Clock


class ProviderFolder(Protocol):
    """What the module of a provider offers."""

    def build(self, parts: ProviderParts) -> ChatModel | None:
        """Return the provider, or ``None`` when the settings do not set it up.

        Raises:
            ConfigurationError: They set it up wrongly.
        """
        ...


def build_providers(parts: ProviderParts) -> dict[str, ChatModel]:
    """Return every provider that is set up, by its name."""
    folders = [cast(ProviderFolder, module) for module in load_all(PACKAGE)]
    built = [folder.build(parts) for folder in folders]
    return {provider.name: provider for provider in built if provider is not None}
