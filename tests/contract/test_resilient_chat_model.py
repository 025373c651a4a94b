"""A provider stays a provider when its failures are cared for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from appliance.agent.circuit_breaker import ProviderBreakers
from appliance.agent.resilient_model import MAX_RETRIES, ResilientModel
from appliance.errors import Unavailable
from appliance.ports.chat_model import ChatModel
from tests.contract.chat_model_contract import Dictated, NativeCallsContract
from tests.contract.test_scripted_chat_model import build_events
from tests.fakes.clock import SettableClock
from tests.fakes.scripted_model import ScriptedChatModel, ScriptedStep


async def do_not_sleep(seconds: float) -> None:
    pass


def wrap(*steps: ScriptedStep) -> ResilientModel:
    clock = SettableClock()
    breakers = ProviderBreakers("scripted", clock)
    return ResilientModel(ScriptedChatModel(steps), breakers, clock, sleep=do_not_sleep)


class TestResilientChatModel(NativeCallsContract):
    @asynccontextmanager
    async def open(self, *answers: Dictated) -> AsyncIterator[ChatModel]:
        yield wrap(*map(build_events, answers))

    @asynccontextmanager
    async def open_cut(self, answer: Dictated, offset: int) -> AsyncIterator[ChatModel]:
        events = build_events(answer)
        if offset < len(events):
            events = [*events[:offset], Unavailable("The script is cut here.")]
        yield wrap(*[events] * (MAX_RETRIES + 1))

    def wire_size(self, answer: Dictated) -> int:
        return len(build_events(answer))
