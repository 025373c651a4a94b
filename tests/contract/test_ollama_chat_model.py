from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from appliance.clock import MachineClock
from appliance.providers.ollama import OllamaChatModel
from tests.contract.chat_model_contract import (
    Dictated,
    ForeignTextContract,
    NativeCallsContract,
    build_request,
    hear,
)
from tests.fakes.model_script import CutOff
from tests.fakes.ollama_server import FakeModel, FakeOllama, Say, Step, answer_lines, play

MODEL = "qwen3:4b"


def build_say(answer: Dictated) -> Say:
    return Say(
        text=answer.texts,
        calls=[{"name": name, "arguments": arguments} for name, arguments in answer.calls],
        done_reason="length" if answer.is_cut_by_length else "stop",
        input_tokens=answer.usage.input_tokens,
        output_tokens=answer.usage.output_tokens,
    )


@asynccontextmanager
async def open_ollama(
    *steps: Step, capabilities: Sequence[str] = ("completion", "tools"), **options: Any
) -> AsyncIterator[OllamaChatModel]:
    models = (FakeModel(MODEL, capabilities=capabilities),)
    async with FakeOllama(play(steps), models=models, **options) as fake:
        model = OllamaChatModel(fake.url, MODEL, MachineClock())
        yield model
        await model.aclose()


class TestOllama(ForeignTextContract, NativeCallsContract):
    def open(self, *answers: Dictated) -> Any:
        return open_ollama(*(build_say(answer) for answer in answers))

    def open_cut(self, answer: Dictated, offset: int) -> Any:
        return open_ollama(CutOff(build_say(answer), after_bytes=offset))

    def wire_size(self, answer: Dictated) -> int:
        return len(b"".join(answer_lines(MODEL, build_say(answer))))


class TestOllamaInSingleBytes(TestOllama):
    def open(self, *answers: Dictated) -> Any:
        return open_ollama(*(build_say(answer) for answer in answers), piece_bytes=1)

    def open_cut(self, answer: Dictated, offset: int) -> Any:
        return open_ollama(CutOff(build_say(answer), after_bytes=offset), piece_bytes=50)


def spell(answer: Dictated) -> Say:
    """Return the answer of a model without native tools, which writes one object."""
    pieces = ['{"reply": "', *(json.dumps(text)[1:-1] for text in answer.texts), '"}']
    if answer.calls:
        [(name, arguments)] = answer.calls
        text = json.dumps({"tool": name, "arguments": arguments})
        pieces = [text[:12], text[12:30], text[30:]]
    if answer.is_cut_by_length:
        pieces.pop()
    return Say(
        text=pieces,
        done_reason="length" if answer.is_cut_by_length else "stop",
        input_tokens=answer.usage.input_tokens,
        output_tokens=answer.usage.output_tokens,
    )


class TestOllamaWithoutNativeTools(ForeignTextContract):
    def open_any(self) -> Any:
        # The second answer ignores the form, as a model behind an old Ollama may.
        return open_ollama(
            spell(Dictated(texts=("Hello",))), Say(text=["Yes"]), capabilities=["completion"]
        )

    def open(self, *answers: Dictated) -> Any:
        return open_ollama(*(spell(answer) for answer in answers), capabilities=["completion"])

    def open_cut(self, answer: Dictated, offset: int) -> Any:
        step = CutOff(spell(answer), after_bytes=offset)
        return open_ollama(step, capabilities=["completion"])

    def wire_size(self, answer: Dictated) -> int:
        return len(b"".join(answer_lines(MODEL, spell(answer))))


def spell_freely(answer: Dictated, wrap: str) -> Say:
    """Return the answer of a model that writes its calls into its text."""
    pieces = list(answer.texts)
    for name, arguments in answer.calls:
        text = wrap % json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False)
        pieces += [text[:5], text[5:30], text[30:]]
    return Say(
        text=pieces,
        done_reason="length" if answer.is_cut_by_length else "stop",
        input_tokens=answer.usage.input_tokens,
        output_tokens=answer.usage.output_tokens,
    )


class TestOllamaThatHoldsToNoSchema(NativeCallsContract):
    """Neither the model knows tools nor Ollama schemas: the model is only told."""

    WRAP = "<tool_call>%s</tool_call>"
    OPTIONS: ClassVar[dict[str, Any]] = {"capabilities": ["completion"], "refuses_schemas": True}

    def open(self, *answers: Dictated) -> Any:
        return open_ollama(*(spell_freely(answer, self.WRAP) for answer in answers), **self.OPTIONS)

    def open_cut(self, answer: Dictated, offset: int) -> Any:
        step = CutOff(spell_freely(answer, self.WRAP), after_bytes=offset)
        return open_ollama(step, **self.OPTIONS)

    def wire_size(self, answer: Dictated) -> int:
        return len(b"".join(answer_lines(MODEL, spell_freely(answer, self.WRAP))))


class TestOllamaWithCallsInTheText(TestOllamaThatHoldsToNoSchema):
    """The model knows tools, yet writes what it calls into its text, as small ones do."""

    WRAP = "\n```json\n%s\n```"
    OPTIONS: ClassVar[dict[str, Any]] = {}

    async def test_text_before_a_call_is_kept(self) -> None:
        answer = Dictated(texts=("One moment.",), calls=(("get_order_status", {}),))
        async with self.open(answer) as model:
            heard = await hear(model, build_request())
        assert heard.text == "One moment.\n"
        assert [call.name for call in heard.calls] == ["get_order_status"]
