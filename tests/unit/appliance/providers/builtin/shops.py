"""Made-up shops to talk to, and a visitor who talks to them.

Owns loading ``businesses.json``; what is expected of the answers is left to the tests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from appliance.domain.message import DECLINED_CALL, HELD_CALL, ChatMessage
from appliance.domain.tenant import BusinessInfo
from appliance.domain.tool import ToolCall, ToolSpec
from appliance.ports.chat_model import (
    Briefing,
    ChatRequest,
    ModelFinished,
    TextDelta,
    ToolCallRequested,
)
from appliance.providers.builtin import BuiltinChatModel

FOLDER = Path(__file__).parent
DECLINED = DECLINED_CALL
WAITING = HELD_CALL


class Shop(msgspec.Struct, frozen=True):
    briefing: Briefing
    tools: tuple[ToolSpec, ...]


class Reply(msgspec.Struct, frozen=True):
    text: str
    calls: tuple[ToolCall, ...]
    finished: ModelFinished

    @property
    def state(self) -> dict[str, Any]:
        assert self.finished.provider_state is not None
        return self.finished.provider_state

    @property
    def tool(self) -> str | None:
        if self.calls:
            return self.calls[0].name
        form = self.state.get("form")
        return form["tool"] if form else None

    @property
    def arguments(self) -> dict[str, Any]:
        if self.calls:
            return self.calls[0].arguments
        form = self.state.get("form")
        return dict(form["values"]) if form else {}


@cache
def load_shop(name: str) -> Shop:
    data = json.loads((FOLDER / "businesses.json").read_text(encoding="utf-8"))[name]
    now = datetime.fromisoformat(data["now"]).replace(tzinfo=ZoneInfo(data["time_zone"]))
    briefing = Briefing(
        shop_name=data["name"],
        business_info=msgspec.convert(data["business_info"], BusinessInfo),
        language=data["language"],
        now=now,
    )
    return Shop(briefing, tuple(msgspec.convert(tool, ToolSpec) for tool in data["tools"]))


def make_shop(
    *, info: Mapping[str, Any] | None = None, tools: Sequence[ToolSpec] = (), language: str = "en"
) -> Shop:
    now = datetime(2025, 5, 7, 14, 30, tzinfo=ZoneInfo("Europe/London"))  # a Wednesday
    briefing = Briefing(
        shop_name="Corner Shop",
        business_info=msgspec.convert(dict(info or {}), BusinessInfo),
        language=language,
        now=now,
    )
    return Shop(briefing, tuple(tools))


async def ask(model: BuiltinChatModel, shop: Shop, messages: Sequence[ChatMessage]) -> Reply:
    request = ChatRequest(
        messages=(ChatMessage(role="system", content="-"), *messages),
        briefing=shop.briefing,
        tools=shop.tools,
    )
    texts: list[str] = []
    calls: list[ToolCall] = []
    finished: list[ModelFinished] = []
    async for event in model.stream(request):
        assert not finished, "ModelFinished must come last"
        if isinstance(event, TextDelta):
            assert event.text
            texts.append(event.text)
        elif isinstance(event, ToolCallRequested):
            calls.append(event.call)
        else:
            finished.append(event)
    return Reply("".join(texts), tuple(calls), finished[0])


class Visitor:
    """Keeps a conversation with one shop, as the agent loop would."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.model = BuiltinChatModel()
        self.messages: list[ChatMessage] = []

    async def say(self, text: str) -> Reply:
        self.messages.append(ChatMessage(role="user", content=text))
        return await self._hear()

    async def tool_returns(self, content: Any, *, is_error: bool = False) -> Reply:
        self.add_tool_message(content, is_error=is_error)
        return await self._hear()

    def add_tool_message(self, content: Any, *, is_error: bool = False) -> None:
        [call] = self.messages[-1].tool_calls
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        self.messages.append(
            ChatMessage(
                role="tool",
                content=text,
                tool_call_id=call.id,
                tool_name=call.name,
                is_error=is_error,
            )
        )

    async def _hear(self) -> Reply:
        reply = await ask(self.model, self.shop, self.messages)
        self.messages.append(
            ChatMessage(
                role="assistant",
                content=reply.text,
                tool_calls=reply.calls,
                provider_state=reply.state,
            )
        )
        return reply
