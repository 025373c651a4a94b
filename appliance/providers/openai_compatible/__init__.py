"""Any server that speaks OpenAI's protocol; see ``chat_model``."""

from appliance.ports.chat_model import ChatModel
from appliance.providers.openai_compatible.chat_model import (
    PROVIDER_NAME,
    OpenAICompatibleChatModel,
)
from appliance.providers.registry import ProviderParts

__all__ = ["OpenAICompatibleChatModel", "build"]


def build(parts: ProviderParts) -> ChatModel | None:
    """Return the provider when a key or an address is set; OpenAI itself needs the key only.

    When it is the default its SDK is loaded in the background, which needs a running event loop.
    """
    settings = parts.settings
    if not settings.openai_api_key and not settings.openai_base_url:
        return None
    provider = OpenAICompatibleChatModel(
        settings.openai_base_url, settings.openai_api_key, settings.openai_model, parts.clock
    )
    if settings.llm_provider == PROVIDER_NAME:
        provider.load_soon()
    return provider
