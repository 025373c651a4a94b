from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from appliance.clock import MachineClock
from appliance.domain.message import TokenUsage
from appliance.providers.anthropic import AnthropicChatModel
from tests.contract.chat_model_contract import (
    Dictated,
    ForeignTextContract,
    NativeCallsContract,
    build_request,
    hear,
)
from tests.fakes.anthropic_server import API_KEY, FakeAnthropic, Say, Step, answer_size, play
from tests.fakes.model_script import CutOff

MODEL = "claude-haiku-5-5"


def build_say(answer: Dictated) -> Say:
    calls = [
        {"name": name, "arguments": arguments, "id": f"toolu_{position}"}
        for position, (name, arguments) in enumerate(answer.calls)
    ]
    return Say(
        text=answer.texts,
        calls=calls,
        stop_reason="max_tokens" if answer.is_cut_by_length else None,
        input_tokens=answer.usage.input_tokens,
        output_tokens=answer.usage.output_tokens,
    )


class TestAnthropic(ForeignTextContract, NativeCallsContract):
    """One server and one provider for all answers of a test: building either takes longer."""

    piece_bytes: int | None = None

    @pytest.fixture(autouse=True)
    async def serve(self) -> AsyncIterator[None]:
        async with FakeAnthropic(play([]), piece_bytes=self.piece_bytes, has_pings=False) as fake:
            self.fake = fake
            self.model = AnthropicChatModel(fake.url, API_KEY, MODEL, MachineClock())
            async with aclosing(self.model):
                yield
        assert fake.refusals == []

    @asynccontextmanager
    async def playing(self, *steps: Step) -> AsyncIterator[AnthropicChatModel]:
        self.fake.script = play(steps)
        yield self.model

    def open(self, *answers: Dictated) -> Any:
        return self.playing(*(build_say(answer) for answer in answers))

    def open_cut(self, answer: Dictated, offset: int) -> Any:
        return self.playing(CutOff(build_say(answer), after_bytes=offset))

    def wire_size(self, answer: Dictated) -> int:
        return answer_size(MODEL, build_say(answer))

    async def test_what_the_cache_gave_and_took_is_part_of_the_input(self) -> None:
        said = Say(text=["Hi"], input_tokens=10, cache_read=300, cache_write=20, output_tokens=4)
        async with self.playing(said) as model:
            heard = await hear(model, build_request())
        assert heard.finished.usage == TokenUsage(
            input_tokens=330,
            output_tokens=4,
            cached_input_tokens=300,
            cache_write_input_tokens=20,
        )
