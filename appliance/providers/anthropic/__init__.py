"""Claude by Anthropic's API; see ``chat_model``."""

from appliance.ports.chat_model import ChatModel
from appliance.providers.anthropic.chat_model import VENDOR_URL, AnthropicChatModel
from appliance.providers.anthropic.provider_state import PROVIDER_NAME
from appliance.providers.registry import ProviderParts

__all__ = ["AnthropicChatModel", "build"]


def build(parts: ProviderParts) -> ChatModel | None:
    """Return the provider when there is a key, or a server other than the vendor's.

    When it is the default its SDK is loaded in the background, which needs a running event loop.
    """
    settings = parts.settings
    base_url = settings.anthropic_base_url or VENDOR_URL
    if settings.anthropic_api_key is None and base_url == VENDOR_URL:
        return None
    provider = AnthropicChatModel(
        base_url, settings.anthropic_api_key, settings.anthropic_model, parts.clock
    )
    if settings.llm_provider == PROVIDER_NAME:
        provider.load_soon()
    return provider
