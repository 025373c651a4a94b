"""The providers as operators see them."""

from __future__ import annotations

import pytest

from appliance.agent.circuit_breaker import FAILURES_TO_OPEN, ProviderBreakers
from appliance.errors import AuthFailed, NotFound, Unavailable
from appliance.ports.chat_model import ModelDescription
from appliance.services.provider_checks import ProviderChecks
from tests.fakes.clock import SettableClock
from tests.fakes.scripted_model import MODEL_NAME, ScriptedChatModel, ScriptedStep, say

WRONG_KEY = AuthFailed("The key was refused; set another one.")


class DownModel(ScriptedChatModel):
    async def list_models(self) -> list[ModelDescription]:
        raise Unavailable("Nothing answers; start it.")


class Stage:
    def __init__(self, *steps: ScriptedStep) -> None:
        self.clock = SettableClock()
        self.model = ScriptedChatModel(steps, name="anthropic")
        self.breakers = ProviderBreakers("anthropic", self.clock)
        self.checks = ProviderChecks(
            providers={
                "anthropic": self.model,
                "ollama": DownModel(name="ollama"),
                "builtin": ScriptedChatModel(name="builtin"),
            },
            breakers={"anthropic": self.breakers},
            default_models={"anthropic": "opus"},
            clock=self.clock,
        )

    def let_it_rest(self) -> None:
        for _ in range(FAILURES_TO_OPEN):
            self.breakers.note_failure(self.breakers.admit("opus"), WRONG_KEY)


async def test_every_provider_is_listed_with_what_is_wrong_with_it() -> None:
    views = {view.name: view for view in await Stage().checks.list_all()}
    assert {name: (view.configured, view.status) for name, view in views.items()} == {
        "ollama": (True, "unavailable"),
        "anthropic": (True, "ok"),
        "openai_compatible": (False, "not_set_up"),
        "builtin": (True, "ok"),
    }
    assert views["ollama"].detail == "Nothing answers; start it."
    assert "CSAI_OPENAI_API_KEY" in (views["openai_compatible"].detail or "")
    assert [model.name for model in views["anthropic"].models] == [MODEL_NAME]


async def test_a_provider_that_rests_says_why_and_until_when() -> None:
    stage = Stage()
    stage.let_it_rest()
    view = await stage.checks.look_at("claude")
    assert (view.status, view.detail) == ("degraded", WRONG_KEY.message)
    assert [(state.model, state.status) for state in view.breakers] == [(None, "open")]


async def test_a_check_asks_for_real_with_the_operators_model() -> None:
    stage = Stage(say("OK"))
    result = await stage.checks.check("anthropic", None)
    assert (result.ok, result.model, result.detail) == (True, MODEL_NAME, "It answered.")
    assert [request.model for request in stage.model.requests] == ["opus"]


async def test_a_check_that_succeeds_ends_the_rest() -> None:
    stage = Stage(say("OK"))
    stage.let_it_rest()
    assert (await stage.checks.check("anthropic", None)).ok
    assert stage.breakers.states() == []


async def test_a_check_says_what_is_wrong() -> None:
    stage = Stage(WRONG_KEY)
    result = await stage.checks.check("claude", "haiku")
    assert (result.ok, result.provider, result.model) == (False, "anthropic", "haiku")
    assert result.detail == WRONG_KEY.message


async def test_checking_what_is_not_set_up_names_the_setting() -> None:
    result = await Stage().checks.check("openai", None)
    assert not result.ok
    assert "CSAI_OPENAI_API_KEY" in result.detail


async def test_a_provider_nobody_knows_is_not_found() -> None:
    with pytest.raises(NotFound):
        await Stage().checks.check("skynet", None)
    with pytest.raises(NotFound):
        await Stage().checks.look_at("skynet")
