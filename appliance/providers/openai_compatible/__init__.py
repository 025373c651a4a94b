"""Any server that speaks OpenAI's protocol; see ``chat_model``."""

from appliance.ports.chat_model import ChatModel
from appliance.providers.openai_compatible.chat_model import OpenAICompatibleChatModel
from appliance.providers.registry import ProviderParts

__all__ = ["OpenAICompatibleChatModel", "build"]


def build(parts: ProviderParts) -> ChatModel | None:
    """Return the provider when a key or an address is set; OpenAI itself needs the key only."""
    settings = parts.settings
    if not settings.openai_api_key and not settings.openai_base_url:
        return None
    return OpenAICompatibleChatModel(
        settings.openai_base_url, settings.openai_api_key, settings.openai_model, parts.clock
    )
