"""Answering without a language model; hands on the provider and its reading of wishes."""

from appliance.ports.chat_model import ChatModel
from appliance.providers.builtin.provider import BuiltinChatModel
from appliance.providers.builtin.wished_tools import WishedTools
from appliance.providers.registry import ProviderParts

__all__ = ["BuiltinChatModel", "WishedTools", "build"]


def build(parts: ProviderParts) -> ChatModel:
    """Return the provider, which is always set up."""
    return BuiltinChatModel()
