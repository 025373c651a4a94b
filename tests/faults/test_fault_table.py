"""Every row of ``docs/faults.md``, against whole turns with the real providers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import pytest
from structlog.testing import capture_logs

from appliance.agent.language import texts_for
from tests.fakes.loopback_http import LoopbackHttp
from tests.faults.cases import ALWAYS, CASES, Case, all_cases
from tests.faults.fault_table import Row, read_tables
from tests.faults.providers import OPENAI, PROVIDERS, Provider
from tests.faults.stage import FaultStage, Heard, open_stage

ROWS = read_tables()
QUESTIONS = {
    "en": {"hours": "When are you open?", "order": "Where is my order 12345?"},
    "he": {"hours": "מתי אתם פתוחים?", "order": "איפה ההזמנה שלי 12345?"},
}
FACTS = {"hours": "09:00", "order": "out for delivery"}
TOLD_TOKENS = (12, 5)
NOTHING = "nothing"
NOTICED = "ok, with Ollama degraded"
SECRETS = ("127.0.0.1", "sk-", "<html", "CSAI_", "model", "Ollama", "Claude", "OpenAI")


class Scene:
    """One case, played: the last turn's answer and everything that is left of it."""

    def __init__(
        self, stage: FaultStage, case: Case, provider: Provider | None, *, url: str
    ) -> None:
        self.stage = stage
        self.case = case
        self.provider = provider
        self.url = url
        self.language = "he" if provider is OPENAI else "en"
        self.logs: list[dict[str, Any]] = []

    async def play(self) -> Heard:
        for number in range(1, self.case.turns + 1):
            with capture_logs() as logs:
                heard = await self.stage.ask(self.question, number=number)
            self.logs = list(logs)  # type: ignore[arg-type]
        return heard

    @property
    def question(self) -> str:
        return QUESTIONS[self.language][self.case.question]

    def told(self) -> list[tuple[str, str]]:
        """Return the log's lines on models: event, or code of a failure, and sentence."""
        lines = [line for line in self.logs if line["event"] in ("model_failed", "model_retried")]
        return [(line.get("code", line["event"]), line["error"]) for line in lines]


@asynccontextmanager
async def set_up(fault: str, column: str) -> AsyncIterator[Scene]:
    """Open the stage of a case: a server that speaks its script, a provider that asks it."""
    case = CASES[fault][column]
    async with AsyncExitStack() as stack:
        provider = next((provider for provider in PROVIDERS if provider.column == column), None)
        if provider is None or case.key is None:
            default = provider.name if provider else "builtin"
            stage = await stack.enter_async_context(open_stage(default))
            yield Scene(stage, case, provider, url="")
            return
        if case.script is None:
            url = await find_dead_url()
        else:
            url = (await stack.enter_async_context(provider.serve(case.script(provider)))).url
        connect = partial(
            provider.connect, url, case.key, case.model or provider.model, case.deadlines
        )
        stage = await stack.enter_async_context(open_stage(provider.name, connect))
        yield Scene(stage, case, provider, url=url)


async def find_dead_url() -> str:
    async with LoopbackHttp(lambda exchange: exchange.respond(500)) as server:
        return server.url


def check_visitor(row: Row, scene: Scene, heard: Heard) -> None:
    text = heard.reply.message.content
    assert text.startswith(heard.shown.strip())
    assert not [word for word in SECRETS if word in text]
    match row.visitor:
        case "the model's answer":
            assert text == "We are open."
        case "builtin's answer":
            assert heard.reply.model == "builtin"
            assert FACTS[scene.case.question] in text
        case "its beginning, marked as cut short":
            assert text.startswith("We open")
            assert text.endswith(texts_for(scene.language)["cut_short"])
        case _:
            pytest.fail(f"no check for {row.visitor!r}")


async def check_stored(row: Row, scene: Scene, heard: Heard) -> None:
    """What the visitor saw is what is kept, once, and a repeated message gets it again."""
    stage, session_id = scene.stage, heard.reply.session_id
    lines = await stage.stored_lines(session_id)
    assert lines[0] == ("user", scene.question)
    assert lines[-1] == ("assistant", heard.reply.message.content)
    assert [role for role, _ in lines].count("user") == 1
    again = await stage.ask(scene.question, number=scene.case.turns, session_id=session_id)
    assert again.reply == heard.reply
    assert row.degraded == {True: "yes", False: "no"}[heard.reply.degraded]
    if scene.provider is None:
        assert row.usage == "nothing"
        return
    used = await stage.stored_usage(scene.provider.name)
    match row.usage:
        case "nothing":
            assert used == (0, 0)
        case "what the provider told":
            assert used == tuple(scene.case.answers * tokens for tokens in TOLD_TOKENS)
        case "an estimate":
            assert used[0] > 20
            assert used[1] > 0
        case _:
            pytest.fail(f"no check for {row.usage!r}")


def check_operator(row: Row, scene: Scene, column: str) -> None:
    code, sentence = (scene.told() or [(NOTHING, NOTHING)])[-1]
    assert row.log == (f"`{code}`" if code != NOTHING else NOTHING)
    assert sentence.replace(scene.url or "no address", "URL") == row.sentences.get(column, NOTHING)


async def check_health(row: Row, scene: Scene, column: str) -> None:
    wanted = row.health
    if wanted == NOTICED:  # the local provider is looked at again and again
        wanted = "degraded" if column == "Ollama" else "ok"
    llm = await scene.stage.health()
    assert llm.status == wanted
    assert (llm.status == "degraded") == bool(llm.detail)


def test_every_row_has_a_check_and_every_check_a_row() -> None:
    listed = {(fault, column) for fault, row in ROWS.items() for column in row.sentences}
    checked = {pair for pair in all_cases() if pair[1] != ALWAYS}
    assert listed == checked
    assert set(ROWS) == set(CASES)


@pytest.mark.parametrize(("fault", "column"), all_cases())
async def test_a_fault_has_the_consequences_that_the_table_says(fault: str, column: str) -> None:
    row = ROWS[fault]
    async with set_up(fault, column) as scene:
        heard = await scene.play()
        check_visitor(row, scene, heard)
        check_operator(row, scene, column)
        await check_health(row, scene, column)
        await check_stored(row, scene, heard)
