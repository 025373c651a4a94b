"""Answering without a language model; hands on the provider."""

from appliance.providers.builtin.provider import BuiltinChatModel

__all__ = ["BuiltinChatModel"]
