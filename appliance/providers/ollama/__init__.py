"""Local models by Ollama; see ``chat_model``."""

from appliance.ports.chat_model import ChatModel
from appliance.providers.ollama.chat_model import OllamaChatModel
from appliance.providers.registry import ProviderParts

__all__ = ["OllamaChatModel", "build"]


def build(parts: ProviderParts) -> ChatModel:
    """Return the provider for the operator's Ollama."""
    return OllamaChatModel(parts.settings.ollama_url, parts.settings.ollama_model, parts.clock)
