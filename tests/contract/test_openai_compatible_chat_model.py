from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from appliance.clock import MachineClock
from appliance.providers.openai_compatible import OpenAICompatibleChatModel
from tests.contract.chat_model_contract import (
    HEBREW,
    USAGE,
    Dictated,
    ForeignTextContract,
    NativeCallsContract,
    assert_well_formed,
    build_request,
    hear,
)
from tests.fakes.model_script import CutOff
from tests.fakes.openai_server import FakeModel, FakeOpenAI, Say, Step, answer_events, play

MODEL = "m"
END_MARK = b'"finish_reason":"'


def build_say(answer: Dictated) -> Say:
    return Say(
        text=answer.texts,
        calls=[{"name": name, "arguments": arguments} for name, arguments in answer.calls],
        finish_reason="length" if answer.is_cut_by_length else None,
        usage={
            "prompt_tokens": answer.usage.input_tokens,
            "completion_tokens": answer.usage.output_tokens,
        },
    )


@asynccontextmanager
async def open_server(*steps: Step, **options: Any) -> AsyncIterator[OpenAICompatibleChatModel]:
    async with FakeOpenAI(
        play(steps), models=(FakeModel(MODEL),), is_terse=True, **options
    ) as fake:
        model = OpenAICompatibleChatModel(fake.url, fake.api_key, MODEL, MachineClock())
        yield model
        await model.aclose()


def wire_sizes(answer: Dictated) -> tuple[int, int]:
    """Return where the answer is whole, and where the token counts and the end mark end."""
    events = answer_events(MODEL, build_say(answer), is_terse=True)
    last = next(place for place, event in enumerate(events) if END_MARK in event)
    return len(b"".join(events[: last + 1])), len(b"".join(events))


class TestOpenAICompatible(ForeignTextContract, NativeCallsContract):
    def open(self, *answers: Dictated) -> Any:
        return open_server(*(build_say(answer) for answer in answers), kind="vllm")

    def open_cut(self, answer: Dictated, offset: int) -> Any:
        return open_server(CutOff(build_say(answer), after_bytes=offset), kind="vllm")

    def wire_size(self, answer: Dictated) -> int:
        # What follows the finish reason is only counted, see the test below.
        return wire_sizes(answer)[0]


def spell(answer: Dictated) -> Dictated:
    """Return the answer of a model that is held to a schema: one object, as text."""
    pieces = [
        '{"reply": "',
        *(json.dumps(text, ensure_ascii=False)[1:-1] for text in answer.texts),
        '"}',
    ]
    if answer.calls:
        [(name, arguments)] = answer.calls
        text = json.dumps({"tool": name, "arguments": arguments}, ensure_ascii=False)
        pieces = [text[:12], text[12:30], text[30:]]
    if answer.is_cut_by_length:
        pieces.pop()
    return replace(answer, texts=tuple(pieces), calls=())


def halve(answer: Dictated) -> Dictated:
    """Return the answer in two pieces, so that there are fewer bytes to cut at."""
    text = "".join(answer.texts)
    return replace(answer, texts=(text[: len(text) // 2], text[len(text) // 2 :]))


class TestOpenAICompatibleWithoutNativeTools(ForeignTextContract):
    def open_any(self) -> Any:
        # The second answer ignores the form, as behind a server that does not enforce it.
        answers = spell(Dictated(texts=("Hello",))), Dictated(texts=("Yes",))
        return open_server(*map(build_say, answers), kind="vllm", has_tools=False)

    def open(self, *answers: Dictated) -> Any:
        says = [build_say(spell(answer)) for answer in answers]
        return open_server(*says, kind="vllm", has_tools=False)

    def open_cut(self, answer: Dictated, offset: int) -> Any:
        step = CutOff(build_say(halve(spell(answer))), after_bytes=offset)
        return open_server(step, kind="vllm", has_tools=False)

    def wire_size(self, answer: Dictated) -> int:
        return wire_sizes(halve(spell(answer)))[0]


@pytest.mark.parametrize("piece_bytes", [1, 7, 1_000])
async def test_pieces_of_any_size_are_heard_alike(piece_bytes: int) -> None:
    answer = Dictated(
        texts=("One ", HEBREW), calls=(("get_order_status", {"order_number": HEBREW}),) * 2
    )
    async with open_server(build_say(answer), piece_bytes=piece_bytes) as model:
        heard = await hear(model, build_request())
    assert_well_formed(heard)
    assert heard.text == "".join(answer.texts)
    assert [(call.name, call.arguments) for call in heard.calls] == list(answer.calls)
    assert heard.finished.usage == USAGE


@pytest.mark.parametrize(
    "answer",
    [Dictated(texts=(HEBREW,)), Dictated(calls=(("get_order_status", {"order_number": "7"}),))],
    ids=["text", "call"],
)
async def test_an_answer_cut_behind_its_end_is_whole(answer: Dictated) -> None:
    begin, end = wire_sizes(answer)
    for offset in range(begin, end + 1):
        async with open_server(CutOff(build_say(answer), after_bytes=offset)) as model:
            heard = await hear(model, build_request())
        assert heard.text == "".join(answer.texts)
        assert [(call.name, call.arguments) for call in heard.calls] == list(answer.calls)
        usage = heard.finished.usage
        assert usage == USAGE or (usage.input_tokens > 0 and usage.output_tokens > 0)
