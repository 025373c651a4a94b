"""Local models by Ollama; see ``chat_model``."""

from __future__ import annotations

from appliance.providers.ollama.chat_model import OllamaChatModel, OllamaDeadlines
from appliance.providers.registry import ProviderDependencies

__all__ = ["OllamaChatModel", "OllamaDeadlines", "build"]


def build(dependencies: ProviderDependencies) -> OllamaChatModel:
    """Return the provider for the operator's Ollama."""
    settings = dependencies.settings
    return OllamaChatModel(settings.ollama_url, settings.ollama_model, dependencies.clock)
