"""An Ollama that waits before it answers, so that a test can act while a turn runs.

Owns the gate; the protocol and what is said are left to ``tests.fakes.ollama_server``.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.loopback_http import Exchange
from tests.fakes.ollama_server import FakeOllama, Say, Step

ANSWER = "The oven is warm."


def say(*pieces: str) -> Step:
    """Answer with ``pieces`` of text."""
    return Say(text=pieces)


def say_answer(_: dict[str, Any]) -> Step:
    """Answer every question alike."""
    return say("The oven ", "is warm.")


def echo(body: dict[str, Any]) -> Step:
    """Answer every question with itself, so that no two answers are alike."""
    return say(f"You ask: {body['messages'][-1]['content']}")


@dataclass
class GatedOllama(FakeOllama):
    """Answers a chat only once ``gate`` is open."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def _perform(self, exchange: Exchange, body: Any, step: Step) -> None:
        await self.gate.wait()
        await super()._perform(exchange, body, step)


def use_ollama(fake: FakeOllama) -> dict[str, str]:
    """Return the settings of a server that asks ``fake``."""
    return {"CSAI_LLM_PROVIDER": "ollama", "CSAI_OLLAMA_URL": fake.url}
