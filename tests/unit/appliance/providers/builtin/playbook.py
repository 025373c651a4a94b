"""A visitor who talks to a shop through the real agent loop, with the yes/no reading of a turn.

Owns carrying out what ``advance`` commands; what is expected is left to the tests.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec

from appliance.agent.confirmation import build_confirmation
from appliance.agent.decisions import read_decision
from appliance.agent.language import detect_language
from appliance.agent.loop import (
    ActionDecided,
    Answer,
    AskModel,
    AskVisitor,
    Command,
    LoopEvent,
    LoopState,
    ModelAsked,
    ModelSaid,
    ModelStopped,
    RunTools,
    Say,
    ToolsReturned,
    TurnBegan,
    advance,
)
from appliance.domain.message import ChatMessage
from appliance.domain.tool import ToolCall, ToolOutcome
from appliance.ports.chat_model import ChatRequest, TextDelta, ToolCallRequested
from appliance.providers.builtin import BuiltinChatModel
from tests.unit.appliance.providers.builtin.shops import Shop

RunTool = Callable[[ToolCall], Any]


class Turn(msgspec.Struct, frozen=True):
    text: str
    """What the visitor reads, the question for a yes included."""
    asks: dict[str, Any] | None = None
    """The arguments that wait for the visitor's yes."""
    ran: tuple[ToolCall, ...] = ()


class Playbook:
    """Keeps one conversation; ``run_tool`` gives the result of a call that runs."""

    def __init__(self, shop: Shop, run_tool: RunTool) -> None:
        self._shop = shop
        self._run_tool = run_tool
        self._briefing = shop.briefing
        self._model = BuiltinChatModel()
        self._tools = {tool.name: tool for tool in shop.tools}
        self._messages: list[ChatMessage] = [ChatMessage(role="system", content="-")]
        self._pending: ToolCall | None = None
        self._count = 0

    async def say(self, text: str) -> Turn:
        self._messages.append(ChatMessage(role="user", content=text))
        state = LoopState(
            messages=tuple(self._messages),
            new_from=len(self._messages),
            tools=self._tools,
            max_tool_rounds=5,
        )
        event = self._decide(text)
        self._pending = None
        spoken = detect_language(text, default=self._shop.briefing.language)
        self._briefing = msgspec.structs.replace(self._shop.briefing, language=spoken)
        ran: list[ToolCall] = []
        commands: list[Command] = []
        state, new = advance(state, event)
        commands.extend(new)
        while True:
            command = commands.pop(0)
            match command:
                case AskModel():
                    for event in await self._ask(command):
                        state, new = advance(state, event)
                        commands.extend(c for c in new if not isinstance(c, Say))
                case RunTools(calls=calls):
                    ran.extend(calls)
                    state, new = advance(state, ToolsReturned(results=self._run(calls)))
                    commands.extend(new)
                case AskVisitor(call=call, preface=preface):
                    return self._hold(state, call, preface, ran)
                case Answer(text=answer):
                    self._messages.extend(state.new_messages)
                    return Turn(answer, None, tuple(ran))

    def _decide(self, text: str) -> LoopEvent:
        decision = read_decision(text)
        if self._pending is None or decision is None:
            return TurnBegan()
        self._count += 1
        call = msgspec.structs.replace(self._pending, id=f"decided_{self._count}")
        return ActionDecided(call=call, is_confirmed=decision == "yes")

    async def _ask(self, command: AskModel) -> list[LoopEvent]:
        request = ChatRequest(
            messages=command.messages,
            briefing=self._briefing,
            tools=self._shop.tools if command.may_use_tools else (),
        )
        events: list[LoopEvent] = []
        async for event in self._model.stream(request):
            if isinstance(event, TextDelta):
                events.append(ModelSaid(text=event.text))
            elif isinstance(event, ToolCallRequested):
                events.append(ModelAsked(call=event.call))
            else:
                events.append(ModelStopped(finished=event))
        return events

    def _run(self, calls: tuple[ToolCall, ...]) -> dict[str, tuple[str, ToolOutcome]]:
        return {
            call.id: (
                json.dumps(self._run_tool(call), ensure_ascii=False),
                ToolOutcome(is_success=True),
            )
            for call in calls
        }

    def _hold(self, state: LoopState, call: ToolCall, preface: str, ran: list[ToolCall]) -> Turn:
        language = self._briefing.language
        question = build_confirmation(call, self._tools[call.name], language=language)
        text = f"{preface}\n\n{question}".strip()
        self._messages.extend((*state.new_messages, ChatMessage(role="assistant", content=text)))
        self._pending = call
        return Turn(text, dict(call.arguments), tuple(ran))
