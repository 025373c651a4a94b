from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from appliance.clock import MachineClock
from appliance.providers.ollama import OllamaChatModel
from tests.contract.chat_model_contract import (
    Dictated,
    NativeCallsContract,
    ScriptableModelContract,
)
from tests.fakes.ollama_server import (
    CutOff,
    FakeModel,
    FakeOllama,
    Say,
    Step,
    answer_lines,
    play,
)

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


class TestOllama(NativeCallsContract):
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


class TestOllamaWithoutNativeTools(ScriptableModelContract):
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
