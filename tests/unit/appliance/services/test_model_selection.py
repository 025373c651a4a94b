from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from appliance.agent.circuit_breaker import FAILURES_TO_OPEN, ProviderBreakers
from appliance.domain.tenant import LlmSettings, ModelChoice, canonical_provider
from appliance.errors import AuthFailed, Unavailable
from appliance.ports.chat_model import ModelDescription
from appliance.services.model_selection import PROBE_EVERY_S, ModelSelector, find_remedy
from appliance.tasks import TaskGroup
from tests.fakes.clock import SettableClock
from tests.fakes.scripted_model import ScriptedChatModel
from tests.fakes.shops import build_tenant


class LocalModels(ScriptedChatModel):
    """A local provider whose shelf a test fills; ``looks`` counts who asked for it."""

    def __init__(self, *models: ModelDescription) -> None:
        super().__init__(name="ollama")
        self.models: list[ModelDescription] | None = list(models)
        self.looks = 0

    async def context_length(self, model: str | None) -> int | None:
        return None

    async def list_models(self) -> list[ModelDescription]:
        self.looks += 1
        if self.models is None:
            raise Unavailable("Nothing answers at http://127.0.0.1:11434.")
        return self.models


CHAT = ModelDescription(name="qwen3:4b", capabilities=("completion", "tools"))
EMBEDDING = ModelDescription(name="nomic", capabilities=("embedding",))
UNKNOWN = ModelDescription(name="old")


class Stage:
    def __init__(self, default: str, *models: ModelDescription, ollama_model: str | None = None):
        self.clock = SettableClock()
        self.tasks = TaskGroup()
        self.local = LocalModels(*models)
        self.breakers = ProviderBreakers("anthropic", self.clock)
        self.selector = ModelSelector(
            providers={
                "ollama": self.local,
                "builtin": ScriptedChatModel(name="builtin"),
                "anthropic": ScriptedChatModel(name="anthropic"),
            },
            default=default,
            default_models={"ollama": ollama_model},
            clock=self.clock,
            tasks=self.tasks,
            breakers={"anthropic": self.breakers},
        )

    async def choose(self, **llm: object) -> list[tuple[str, str | None]]:
        tenant = build_tenant(llm=LlmSettings(**llm))  # type: ignore[arg-type]
        return [
            (choice.provider.name, choice.model) for choice in await self.selector.choose(tenant)
        ]


@pytest.mark.parametrize("model", [CHAT, UNKNOWN])
async def test_auto_takes_the_local_provider_when_it_has_a_model(model: ModelDescription) -> None:
    stage = Stage("auto", model)
    assert await stage.choose() == [("ollama", None), ("builtin", None)]


@pytest.mark.parametrize("models", [[], [EMBEDDING]])
async def test_auto_takes_builtin_when_no_local_model_can_chat(
    models: list[ModelDescription],
) -> None:
    assert await Stage("auto", *models).choose() == [("builtin", None)]


async def test_auto_takes_builtin_when_the_local_provider_does_not_answer() -> None:
    stage = Stage("auto")
    stage.local.models = None
    assert await stage.choose() == [("builtin", None)]
    state = await stage.selector.state()
    assert (state.status, state.provider) == ("ok", "builtin")


async def test_the_operators_model_is_asked_for() -> None:
    stage = Stage("auto", CHAT, ollama_model="qwen3:4b")
    assert (await stage.choose())[0] == ("ollama", "qwen3:4b")
    assert (await stage.choose(model="llama3"))[0] == ("ollama", "llama3")


async def test_a_chosen_local_provider_is_asked_even_when_it_is_down() -> None:
    stage = Stage("ollama")
    stage.local.models = None
    assert await stage.choose() == [("ollama", None), ("builtin", None)]
    state = await stage.selector.state()
    assert (state.status, state.provider) == ("degraded", "ollama")
    assert "11434" in (state.detail or "")


async def test_a_local_provider_without_a_model_says_so() -> None:
    state = await Stage("ollama").selector.state()
    assert state.status == "degraded"
    assert "no model" in (state.detail or "")


async def test_builtin_by_choice_asks_no_other() -> None:
    stage = Stage("builtin", CHAT)
    assert await stage.choose(model="ignored") == [("builtin", None)]
    assert stage.local.looks == 0


async def test_a_tenants_provider_wins_and_its_fallbacks_follow_in_order() -> None:
    stage = Stage("auto", CHAT)
    fallbacks = [
        ModelChoice(provider="ollama", model="small"),
        ModelChoice(provider="anthropic", model="opus"),
        ModelChoice(provider="ollama"),
    ]
    assert await stage.choose(provider="claude", model="opus", fallbacks=fallbacks) == [
        ("anthropic", "opus"),
        ("ollama", "small"),
        ("ollama", None),
        ("builtin", None),
    ]


async def test_builtin_is_always_the_last_and_asked_once() -> None:
    fallbacks = [ModelChoice(provider="builtin"), ModelChoice(provider="ollama")]
    assert await Stage("auto").choose(provider="claude", fallbacks=fallbacks) == [
        ("anthropic", None),
        ("builtin", None),
    ]


@pytest.mark.parametrize("name", ["openai", "openai_compatible", "gone"])
async def test_a_provider_that_is_not_set_up_fails_before_builtin_and_is_told_of_once(
    name: str,
) -> None:
    stage = Stage("auto")
    with capture_logs() as logs:
        chosen = [await stage.choose(provider=name, model="gpt") for _ in range(3)]
    assert chosen == [[(canonical_provider(name), "gpt"), ("builtin", None)]] * 3
    assert [entry["event"] for entry in logs] == ["provider_not_set_up"]


async def test_a_default_that_is_not_set_up_names_the_setting() -> None:
    stage = Stage("openai_compatible")
    assert await stage.choose() == [("openai_compatible", None), ("builtin", None)]
    state = await stage.selector.state()
    assert state.status == "degraded"
    assert "CSAI_OPENAI_API_KEY" in (state.detail or "")
    assert "CSAI_ANTHROPIC_API_KEY" in find_remedy("anthropic")


async def test_a_default_that_rests_says_why() -> None:
    stage = Stage("anthropic")
    assert (await stage.selector.state()).status == "ok"
    for _ in range(FAILURES_TO_OPEN):
        stage.breakers.note_failure(stage.breakers.admit(None), AuthFailed("The key was refused."))
    state = await stage.selector.state()
    assert state.status == "degraded"
    assert "The key was refused." in (state.detail or "")


async def test_a_local_provider_that_comes_up_is_noticed_without_making_anybody_wait() -> None:
    stage = Stage("auto")
    stage.local.models = None
    assert await stage.choose() == [("builtin", None)]
    stage.local.models = [CHAT]
    stage.clock.advance(PROBE_EVERY_S)
    assert await stage.choose() == [("builtin", None)]
    assert stage.local.looks == 1
    stage.clock.advance(1)
    assert await stage.choose() == [("builtin", None)]
    await stage.tasks.drain(timeout_s=5)
    assert await stage.choose() == [("ollama", None), ("builtin", None)]
    assert stage.local.looks == 2


async def test_many_visitors_at_once_cause_one_look() -> None:
    stage = Stage("auto", CHAT)
    await stage.choose()
    stage.clock.advance(PROBE_EVERY_S + 1)
    await asyncio.gather(*(stage.choose() for _ in range(50)))
    await stage.tasks.drain(timeout_s=5)
    assert stage.local.looks == 2
