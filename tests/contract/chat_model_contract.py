"""What every ``ChatModel`` must do, real or fake.

Owns the suites. ``ChatModelContract`` fits any provider; ``ScriptableModelContract`` those whose
answer a test can dictate.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from appliance.domain.message import ChatMessage, TokenUsage
from appliance.domain.tool import ToolCall, ToolSpec
from appliance.errors import Unavailable
from appliance.ports.chat_model import (
    Briefing,
    ChatModel,
    ChatRequest,
    ModelEvent,
    ModelFinished,
    TextDelta,
    ToolCallRequested,
)

ORDER_STATUS = ToolSpec(
    name="get_order_status",
    description="Look up an order",
    parameters_schema={
        "type": "object",
        "properties": {"order_number": {"type": "string"}},
        "required": ["order_number"],
    },
)
USAGE = TokenUsage(input_tokens=12, output_tokens=5)
HEBREW = "שלום! ההזמנה 12345 בדרך 🍕"


@dataclass(frozen=True)
class Dictated:
    """What the model shall answer."""

    texts: tuple[str, ...] = ()
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    usage: TokenUsage = USAGE
    is_cut_by_length: bool = False


@dataclass(frozen=True)
class Heard:
    """What came of one call of the model."""

    events: tuple[ModelEvent, ...]

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, TextDelta))

    @property
    def calls(self) -> list[ToolCall]:
        return [event.call for event in self.events if isinstance(event, ToolCallRequested)]

    @property
    def finished(self) -> ModelFinished:
        last = self.events[-1]
        assert isinstance(last, ModelFinished)
        return last


def build_request(
    said: str = "Where is my order 12345?",
    *,
    tools: tuple[ToolSpec, ...] = (ORDER_STATUS,),
    more: tuple[ChatMessage, ...] = (),
) -> ChatRequest:
    """Return a request that any provider can answer."""
    messages = (
        ChatMessage(role="system", content="You help the visitors of Lea's bakery."),
        ChatMessage(role="user", content=said),
        *more,
    )
    briefing = Briefing(shop_name="Lea's bakery", now=datetime(2026, 11, 20, 9, tzinfo=UTC))
    return ChatRequest(messages=messages, briefing=briefing, tools=tools)


async def hear(model: ChatModel, request: ChatRequest) -> Heard:
    """Read the whole answer."""
    return Heard(events=tuple([event async for event in model.stream(request)]))


def assert_well_formed(heard: Heard) -> None:
    """Check the order of events, which the agent loop relies on."""
    ends = [event for event in heard.events if isinstance(event, ModelFinished)]
    assert ends == [heard.events[-1]]
    assert all(event.text for event in heard.events if isinstance(event, TextDelta))
    ids = [call.id for call in heard.calls]
    assert all(ids)
    assert len(set(ids)) == len(ids)
    assert (heard.finished.finish_reason == "tool_calls") == bool(ids)
    assert heard.finished.model


class ChatModelContract(ABC):
    """Holds for every provider."""

    @abstractmethod
    def open_any(self) -> AbstractAsyncContextManager[ChatModel]:
        """Return a model that answers ``build_request()`` somehow."""

    async def test_an_answer_is_well_formed(self) -> None:
        async with self.open_any() as model:
            assert_well_formed(await hear(model, build_request()))

    async def test_the_same_model_answers_again(self) -> None:
        async with self.open_any() as model:
            first = await hear(model, build_request())
            second = await hear(model, build_request("Do you have rye bread?"))
        assert_well_formed(first)
        assert_well_formed(second)

    async def test_an_answer_without_tools_asks_for_none(self) -> None:
        async with self.open_any() as model:
            heard = await hear(model, build_request(tools=()))
        assert_well_formed(heard)
        assert heard.calls == []

    async def test_an_iterator_can_be_closed_at_once(self) -> None:
        async with self.open_any() as model:
            stream = model.stream(build_request())
            async with aclosing(stream):
                await anext(stream)
            with pytest.raises(StopAsyncIteration):
                await anext(stream)

    async def test_a_name_and_at_least_one_model_are_told(self) -> None:
        async with self.open_any() as model:
            models = await model.list_models()
        assert model.name
        assert models
        assert all(description.name for description in models)

    async def test_a_context_length_is_positive_or_unknown(self) -> None:
        async with self.open_any() as model:
            length = await model.context_length(None)
        assert length is None or length > 0

    async def test_closing_twice_is_fine(self) -> None:
        async with self.open_any() as model:
            await model.aclose()
            await model.aclose()


class ScriptableModelContract(ChatModelContract):
    """Holds for every provider in front of a model that says what it is told."""

    @abstractmethod
    def open(self, *answers: Dictated) -> AbstractAsyncContextManager[ChatModel]:
        """Return a model that gives these answers, one a request."""

    @abstractmethod
    def open_cut(self, answer: Dictated, offset: int) -> AbstractAsyncContextManager[ChatModel]:
        """Return a model whose answer breaks off at ``offset`` of its wire form."""

    @abstractmethod
    def wire_size(self, answer: Dictated) -> int:
        """Return the length of ``answer`` on the wire, in the unit of ``open_cut``."""

    def open_any(self) -> AbstractAsyncContextManager[ChatModel]:
        return self.open(Dictated(texts=("Hello",)), Dictated(texts=("Yes",)))

    async def test_text_arrives_whole_and_in_order(self) -> None:
        async with self.open(Dictated(texts=("Your ", "order ", "is on its way."))) as model:
            heard = await hear(model, build_request())
        assert_well_formed(heard)
        assert heard.text == "Your order is on its way."
        assert heard.finished.finish_reason == "stop"

    async def test_text_of_any_script_survives(self) -> None:
        async with self.open(Dictated(texts=tuple(HEBREW))) as model:
            heard = await hear(model, build_request("איפה ההזמנה שלי?"))
        assert heard.text == HEBREW

    async def test_markup_and_control_characters_survive(self) -> None:
        text = 'a "quoted" \\ back\\u0041slash\n\t<b>&amp;</b> \x7f {"done": true}'
        async with self.open(Dictated(texts=(text,))) as model:
            heard = await hear(model, build_request())
        assert heard.text == text

    async def test_usage_is_told(self) -> None:
        usage = TokenUsage(input_tokens=412, output_tokens=38)
        async with self.open(Dictated(texts=("Hi",), usage=usage)) as model:
            heard = await hear(model, build_request())
        assert heard.finished.usage == usage

    async def test_an_answer_cut_by_its_length_says_so(self) -> None:
        async with self.open(Dictated(texts=("Once upon",), is_cut_by_length=True)) as model:
            heard = await hear(model, build_request())
        assert heard.text == "Once upon"
        assert heard.finished.finish_reason == "length"

    async def test_a_tool_call_has_its_arguments(self) -> None:
        wanted = {"order_number": "12345", "note": HEBREW, "deep": {"list": [1, 2.5, None, True]}}
        async with self.open(Dictated(calls=(("get_order_status", wanted),))) as model:
            heard = await hear(model, build_request())
        assert_well_formed(heard)
        assert [(call.name, call.arguments) for call in heard.calls] == [
            ("get_order_status", wanted)
        ]

    async def test_a_call_and_its_result_can_be_read_back(self) -> None:
        answers = (
            Dictated(calls=(("get_order_status", {"order_number": "12345"}),)),
            Dictated(texts=("It is on its way.",)),
        )
        async with self.open(*answers) as model:
            first = await hear(model, build_request())
            [call] = first.calls
            asked = ChatMessage(role="assistant", content="", tool_calls=(call,))
            result = ChatMessage(
                role="tool",
                content='{"status": "shipped"}',
                tool_call_id=call.id,
                tool_name=call.name,
            )
            heard = await hear(model, build_request(more=(asked, result)))
        assert_well_formed(heard)
        assert heard.text == "It is on its way."

    async def test_an_answer_cut_anywhere_is_whole_or_unavailable(self) -> None:
        await self.check_every_cut(Dictated(texts=("Order ", HEBREW)))

    async def test_a_call_cut_anywhere_is_whole_or_unavailable(self) -> None:
        await self.check_every_cut(
            Dictated(calls=(("get_order_status", {"order_number": HEBREW}),))
        )

    async def check_every_cut(self, answer: Dictated) -> None:
        """Cut ``answer`` everywhere: each time the same result or a clean error, never another."""
        async with self.open(answer) as model:
            whole = await hear(model, build_request())
        size = self.wire_size(answer)
        outcomes = {"whole": 0, "unavailable": 0}
        for offset in range(size + 1):
            async with self.open_cut(answer, offset) as model:
                seen: list[ModelEvent] = []
                try:
                    async for event in model.stream(build_request()):
                        seen.append(event)
                except Unavailable:
                    outcomes["unavailable"] += 1
                    heard = Heard(events=tuple(seen))
                    assert whole.text.startswith(heard.text)
                    assert not any(isinstance(event, ModelFinished) for event in seen)
                    for call, expected in zip(heard.calls, whole.calls, strict=False):
                        assert call.arguments == expected.arguments
                else:
                    outcomes["whole"] += 1
                    heard = Heard(events=tuple(seen))
                    assert_well_formed(heard)
                    assert heard.text == whole.text
                    assert [call.arguments for call in heard.calls] == [
                        call.arguments for call in whole.calls
                    ]
        assert outcomes["whole"] >= 1
        assert outcomes["unavailable"] >= size - 2


class ForeignTextContract(ScriptableModelContract):
    """Holds where the answer comes as JSON, in which half a character can be spelt."""

    @pytest.mark.parametrize(
        "answer",
        [
            Dictated(texts=("One \ud83c moment", "\ud83c")),
            Dictated(calls=(("get_order_status", {"order_number": "7\ud83c", "\udf55": 1}),)),
            Dictated(calls=(("x\ud83cyz", {}),)),
        ],
        ids=["text", "arguments", "name"],
    )
    async def test_half_a_character_is_replaced_or_the_answer_refused(
        self, answer: Dictated
    ) -> None:
        async with self.open(answer) as model:
            with suppress(Unavailable):
                heard = await hear(model, build_request())
                assert_well_formed(heard)
                assert b"\xef\xbf\xbd" in msgspec.json.encode(heard.events)


class NativeCallsContract(ScriptableModelContract):
    """Holds where a model can speak and ask for several tools in one answer."""

    async def test_text_before_a_call_is_kept(self) -> None:
        answer = Dictated(texts=("One ", "moment. "), calls=(("get_order_status", {}),))
        async with self.open(answer) as model:
            heard = await hear(model, build_request())
        assert_well_formed(heard)
        assert heard.text == "One moment. "
        assert isinstance(heard.events[-2], ToolCallRequested)

    async def test_parallel_calls_keep_their_order_and_own_ids(self) -> None:
        calls = tuple(("get_order_status", {"order_number": str(n)}) for n in range(5))
        async with self.open(Dictated(calls=calls)) as model:
            heard = await hear(model, build_request())
        assert_well_formed(heard)
        assert [(call.name, call.arguments) for call in heard.calls] == list(calls)
