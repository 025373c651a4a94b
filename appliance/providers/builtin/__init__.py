"""Answering without a language model; hands on the provider."""

from appliance.ports.chat_model import ChatModel
from appliance.providers.builtin.provider import BuiltinChatModel
from appliance.providers.registry import ProviderParts

__all__ = ["BuiltinChatModel", "build"]


def build(parts: ProviderParts) -> ChatModel:
    """Return the provider, which is always set up."""
    return BuiltinChatModel()
