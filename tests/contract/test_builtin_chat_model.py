from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from appliance.ports.chat_model import ChatModel
from appliance.providers.builtin import BuiltinChatModel
from tests.contract.chat_model_contract import ChatModelContract


class TestBuiltin(ChatModelContract):
    @asynccontextmanager
    async def open_any(self) -> AsyncIterator[ChatModel]:
        yield BuiltinChatModel()
