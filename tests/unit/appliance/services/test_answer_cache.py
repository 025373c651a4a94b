"""Answers that are given again, and those that must not be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from appliance.agent.loop import ActionDecided
from appliance.agent.model_calls import AnswerModel
from appliance.agent.runner import AgentResult, Assignment
from appliance.agent.trace import TurnTrace
from appliance.domain.conversation import PendingAction
from appliance.domain.message import ChatMessage, Citation, ToolReport
from appliance.ports.chat_model import Briefing
from appliance.ports.tool_executor import ToolContext
from appliance.services.answer_cache import AnswerCache, build_basis, normalise_question
from appliance.storage.cache import DiskCache
from appliance.tasks import TaskGroup
from tests.fakes.clock import SettableClock
from tests.fakes.scripted_model import ScriptedChatModel
from tests.fakes.shops import build_tenant, build_tenant_tool, call_booking

NOW = SettableClock().now()
TENANT = build_tenant()
ANSWER = AgentResult(
    text="Until ten.",
    new_messages=(ChatMessage(role="assistant", content="Until ten."),),
    model="scripted/scripted-1",
    is_degraded=False,
    executions=(),
    usage=(),
    tools=(),
    citations=(Citation(title="Hours"),),
    quick_replies=("Book",),
)
PENDING = PendingAction(id="p", call=call_booking(), summary="Book?", expires_at=NOW)


class Stage:
    def __init__(self, folder: Path) -> None:
        self.tasks = TaskGroup()
        self.cache = AnswerCache(DiskCache(folder), self.tasks)
        self.trace = TurnTrace()

    async def remember(self, basis: list[str], result: AgentResult = ANSWER) -> None:
        self.cache.remember(TENANT, basis, result)
        await self.tasks.drain(timeout_s=5)

    async def find(self, basis: list[str]) -> AgentResult | None:
        return await self.cache.find(TENANT, basis, self.trace)


@pytest_asyncio.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    yield Stage(tmp_path / "cache")


def assign(text: str = "When do you close?", **fields: Any) -> Assignment:
    given = {
        "context": ToolContext(tenant_id=TENANT.id),
        "messages": (
            ChatMessage(role="system", content="You are the assistant."),
            ChatMessage(role="user", content=text),
        ),
        "tools": {},
        "specs": {},
        "models": [AnswerModel(provider=ScriptedChatModel(), model="a")],
        "briefing": Briefing(shop_name="Bob's Pizza Shop", now=NOW),
        "temperature": 0.3,
        "max_output_tokens": 2048,
        "max_tool_rounds": 3,
    }
    return Assignment(**(given | fields))


def basis_of(text: str = "When do you close?", **fields: Any) -> list[str] | None:
    return build_basis(TENANT, assign(text, **fields), is_first=True)


async def test_an_answer_is_given_again(stage: Stage) -> None:
    await stage.remember(["when"])
    found = await stage.find(["when"])
    assert found == msgspec.structs.replace(ANSWER, is_cached=True)
    assert [step.detail for step in stage.trace.steps] == [{"is_hit": True}]


@pytest.mark.parametrize(
    "change",
    [
        {"is_degraded": True},
        {"tools": (ToolReport(name="get_order_status", status="succeeded"),)},
        {"pending_action": PENDING},
        {"new_messages": (*ANSWER.new_messages, *ANSWER.new_messages)},
    ],
)
async def test_an_answer_that_is_one_visitors_or_no_good_is_not_kept(
    stage: Stage, change: dict[str, Any]
) -> None:
    await stage.remember(["when"], msgspec.structs.replace(ANSWER, **change))
    assert await stage.find(["when"]) is None


@pytest.mark.parametrize(
    "text",
    ["When do you close?", "  when do you CLOSE ", "When do you\tclose??", "¿When do you close!"],
)
def test_the_same_question_has_the_same_basis(text: str) -> None:
    assert basis_of(text) == basis_of()


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "When do you open?"},
        {"models": [AnswerModel(provider=ScriptedChatModel(), model="b")]},
        {"temperature": 0.4},
        {"tools": {"get_order_status": build_tenant_tool(TENANT.id)}},
        {"briefing": Briefing(shop_name="B", now=NOW, language="he")},
        {"briefing": Briefing(shop_name="B", now=NOW + timedelta(days=1))},
    ],
)
def test_whatever_changes_the_answer_changes_the_basis(fields: dict[str, Any]) -> None:
    assert basis_of(**fields) != basis_of()


def test_a_changed_shop_is_asked_anew() -> None:
    later = msgspec.structs.replace(TENANT, updated_at=NOW + timedelta(seconds=1))
    assert build_basis(later, assign(), is_first=True) != basis_of()


@pytest.mark.parametrize(
    "text",
    [
        "Where is order 12345?",
        "I am dana@example.com",
        "Call 054-123 4567",
        "איפה הזמנה 4411?",
        "?!",
    ],
)
def test_a_question_of_ones_own_has_none(text: str) -> None:
    assert basis_of(text) is None


def test_a_later_message_has_none() -> None:
    assert build_basis(TENANT, assign(), is_first=False) is None
    earlier = (*assign().messages, ChatMessage(role="user", content="Hello?"))
    assert basis_of(messages=earlier) is None


def test_a_decision_has_none() -> None:
    decided = ActionDecided(call=call_booking(), is_confirmed=True)
    assert basis_of("yes", decided=decided) is None


def test_the_builtin_answerer_needs_none() -> None:
    builtin = AnswerModel(provider=ScriptedChatModel(name="builtin"))
    assert basis_of(models=[builtin]) is None


@pytest.mark.parametrize("text", ["Open on Friday?", "open on  friday", "“Open on Friday?!”"])
def test_case_blanks_and_sentence_marks_make_no_other_question(text: str) -> None:
    assert normalise_question(text) == "open on friday"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A book on C++?", "A book on C#?"),
        ("Is it below 5%", "Is it below 5"),
        ("Under 100$", "Under 100€"),
        ("-5 degrees", "5 degrees"),
        ("The pizza 😀", "The pizza 😡"),
        ("Can't I pay?", "Can I pay?"),
    ],
)
def test_signs_that_tell_something_make_another_question(one: str, other: str) -> None:
    assert normalise_question(one) != normalise_question(other)


@pytest.mark.parametrize("text", ["", "   ", "?!", "..."])
def test_marks_alone_are_no_question(text: str) -> None:
    assert normalise_question(text) == ""


def test_hebrew_is_normalised_too() -> None:
    assert normalise_question("  מתי   סוגרים?! ") == "מתי סוגרים"
