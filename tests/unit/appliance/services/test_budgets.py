"""A tenant's budget for a day: it holds, whatever comes at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
import structlog

from appliance.agent.model_calls import AnswerModel
from appliance.agent.trace import TurnTrace
from appliance.domain.ids import MessageId, TenantId, new_id
from appliance.domain.message import ChatMessage, TokenUsage
from appliance.domain.prices import ModelPrice, PriceList
from appliance.domain.tenant import LlmSettings, Tenant
from appliance.errors import BudgetExceeded, StorageError, Unavailable
from appliance.ports.chat_model import Briefing, ChatRequest, ModelFinished
from appliance.ports.usage import UsageGroup, UsageRow
from appliance.services.budgets import Budgets
from tests.fakes.clock import SettableClock
from tests.fakes.scripted_model import MODEL_NAME, ScriptedChatModel, say
from tests.fakes.shops import build_tenant

PRICES = PriceList({"scripted": {MODEL_NAME: [ModelPrice(input=Decimal(1), output=Decimal(10))]}})
USED = TokenUsage(input_tokens=50, output_tokens=5)


class Sums:
    """The day's sums, as the database has them once turns are over."""

    def __init__(self) -> None:
        self.rows: dict[str, UsageRow] = {}

    async def sum_usage(
        self, *, tenant_id: TenantId | None, since: str | None, until: str | None,
        group_by: UsageGroup,
    ) -> list[UsageRow]:  # fmt: skip
        await asyncio.sleep(0)
        assert since == until
        return [self.rows[since]] if since in self.rows else []

    async def list_usage(self, **period: Any) -> list[UsageRow]:
        return list(self.rows.values())


class Stage:
    def __init__(self) -> None:
        self.sums = Sums()
        self.clock = SettableClock()
        self.budgets = Budgets(usage=self.sums, prices=PRICES, clock=self.clock)
        self.model = ScriptedChatModel()
        self.trace = TurnTrace()

    @property
    def day(self) -> str:
        return self.clock.now().date().isoformat()

    async def begin(self, tenant: Tenant, turn: str = "t1", model: str | None = MODEL_NAME) -> Any:
        [choice] = await self.budgets.limit(
            tenant,
            MessageId(turn),
            [AnswerModel(provider=self.model, model=model)],
            self.trace,
        )
        return choice.provider

    async def ask(self, provider: Any, *, model: str | None = MODEL_NAME, most: int = 10) -> Any:
        request = ChatRequest(
            messages=(ChatMessage(role="user", content="Hello"),),
            briefing=Briefing(shop_name="Bob's", now=self.clock.now()),
            model=model,
            max_output_tokens=most,
        )
        return [event async for event in provider.stream(request)]


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    yield Stage()


def shop(**llm: Any) -> Tenant:
    return build_tenant(llm=LlmSettings(**llm))


async def test_without_a_budget_nothing_is_read_or_wrapped(stage: Stage) -> None:
    assert await stage.begin(shop()) is stage.model
    assert stage.trace.steps == []


async def test_a_call_within_the_budget_is_answered(stage: Stage) -> None:
    stage.model.add(say("Hi", usage=USED))
    provider = await stage.begin(shop(daily_budget_micro_usd=1_000))
    assert isinstance((await stage.ask(provider))[-1], ModelFinished)
    assert provider.name == "scripted"


async def test_what_was_spent_today_counts_and_midnight_forgets_it(stage: Stage) -> None:
    tenant = shop(daily_budget_micro_usd=1_000)
    stage.sums.rows[stage.day] = UsageRow(cost_micro_usd=999)
    with pytest.raises(BudgetExceeded):
        await stage.ask(await stage.begin(tenant))
    stage.clock.advance(24 * 3600)
    stage.model.add(say("Hi", usage=USED))
    assert await stage.ask(await stage.begin(tenant, "t2"))


async def test_the_day_is_the_tenants_own(stage: Stage) -> None:
    tenant = build_tenant(
        time_zone="Pacific/Kiritimati", llm=LlmSettings(daily_budget_micro_usd=1_000)
    )
    stage.sums.rows[stage.day] = UsageRow(cost_micro_usd=999)
    stage.clock.advance(3600)  # there it is tomorrow from 10:00 UTC on
    stage.model.add(say("Hi", usage=USED))
    assert await stage.ask(await stage.begin(tenant))


async def test_turns_at_once_cannot_spend_the_rest_twice(stage: Stage) -> None:
    """Each call may cost some 200 micro-dollars; 1,000 are left."""
    tenant = shop(daily_budget_micro_usd=1_000)
    providers = [await stage.begin(tenant, f"t{number}") for number in range(20)]
    for _ in providers:
        stage.model.add(say("Hi", usage=USED))
    came = await asyncio.gather(*map(stage.ask, providers), return_exceptions=True)
    answered = sum(isinstance(answer, list) for answer in came)
    assert 0 < answered < 20
    assert all(isinstance(answer, list | BudgetExceeded) for answer in came)
    assert len(stage.model.requests) == answered


async def test_a_call_that_used_less_leaves_the_rest_to_the_next(stage: Stage) -> None:
    tenant = shop(daily_budget_micro_usd=400)
    for number in range(2):
        stage.model.add(say("Hi", usage=USED))
        assert await stage.ask(await stage.begin(tenant, f"t{number}"))


async def test_a_call_that_broke_keeps_what_was_set_aside_until_its_turn_is_over(
    stage: Stage,
) -> None:
    tenant = shop(daily_budget_micro_usd=400)
    stage.model.add(Unavailable("Down."))
    with pytest.raises(Unavailable):
        await stage.ask(await stage.begin(tenant), most=15)
    with pytest.raises(BudgetExceeded):
        await stage.ask(await stage.begin(tenant, "t2"), most=15)
    await stage.budgets.close(tenant, MessageId("t1"))
    await stage.budgets.close(tenant, MessageId("t2"))
    stage.model.add(say("Hi", usage=USED))
    assert await stage.ask(await stage.begin(tenant, "t3"), most=15)


async def test_a_turn_that_is_over_counts_by_what_the_database_says(stage: Stage) -> None:
    tenant = shop(daily_budget_micro_usd=1_000)
    stage.model.add(say("Hi", usage=USED))
    await stage.ask(await stage.begin(tenant))
    stage.sums.rows[stage.day] = UsageRow(cost_micro_usd=950)
    await stage.budgets.close(tenant, MessageId("t1"))
    with pytest.raises(BudgetExceeded):
        await stage.ask(await stage.begin(tenant, "t2"))


async def test_tokens_can_be_limited_where_no_price_is_known(stage: Stage) -> None:
    tenant = shop(daily_budget_tokens=300)
    stage.model.add(say("Hi", usage=USED))
    provider = await stage.begin(tenant, model="unheard-of")
    assert await stage.ask(provider, model="unheard-of")
    with pytest.raises(BudgetExceeded, match="tokens"):
        await stage.ask(provider, model="unheard-of", most=250)


async def test_money_is_not_spent_where_no_price_is_known(stage: Stage) -> None:
    provider = await stage.begin(shop(daily_budget_micro_usd=10**9))
    with pytest.raises(BudgetExceeded, match=r"'unheard-of' of scripted. .*prices.toml") as refused:
        await stage.ask(provider, model="unheard-of")
    assert refused.value.code == "price_unknown"


async def test_a_model_left_to_the_provider_is_taken_for_its_dearest(stage: Stage) -> None:
    stage.model.add(say("Hi", usage=USED))
    provider = await stage.begin(shop(daily_budget_micro_usd=1_000), model=None)
    assert await stage.ask(provider, model=None)


async def test_the_operator_is_told_once_a_day(stage: Stage) -> None:
    tenant = shop(daily_budget_micro_usd=0)
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            with pytest.raises(BudgetExceeded):
                await stage.ask(await stage.begin(tenant, new_id()))
    assert [line["event"] for line in logs] == ["budget_used_up"]


async def test_the_operator_is_warned_before_it_is_used_up(stage: Stage) -> None:
    tenant = shop(daily_budget_tokens=2_000)
    with structlog.testing.capture_logs() as logs:
        for spent in (500, 700, 1_700, 1_710):
            stage.sums.rows[stage.day] = UsageRow(input_tokens=spent)
            stage.model.add(say("Hi", usage=USED))
            await stage.ask(await stage.begin(tenant, new_id()))
    assert [line["event"] for line in logs] == ["budget_nearly_used_up"]


async def test_the_builtin_answerer_costs_nothing(stage: Stage) -> None:
    stage.model = ScriptedChatModel(name="builtin")
    assert await stage.begin(shop(daily_budget_micro_usd=0)) is stage.model


async def test_a_database_that_cannot_be_read_ends_no_turn_and_forgets_no_spending(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = shop(daily_budget_micro_usd=1_000)
    stage.model.add(say("Hi", usage=USED))
    await stage.ask(await stage.begin(tenant))
    with monkeypatch.context() as broken, structlog.testing.capture_logs() as logs:
        broken.setattr(stage.sums, "sum_usage", fail_to_read)
        await stage.budgets.close(tenant, MessageId("t1"))
        await stage.budgets.close(tenant, MessageId("t1"))
    assert [line["event"] for line in logs] == ["budget_not_read"]
    spent = 50 + 5 * 10
    await stage.begin(tenant, "t2")
    assert stage.trace.steps[-1].detail["cost_micro_usd"] == spent
    stage.sums.rows[stage.day] = UsageRow(cost_micro_usd=spent + 7)
    await stage.begin(tenant, "t3")
    assert stage.trace.steps[-1].detail["cost_micro_usd"] == spent + 7


async def fail_to_read(**period: Any) -> list[UsageRow]:
    raise StorageError("The disk is full.")
