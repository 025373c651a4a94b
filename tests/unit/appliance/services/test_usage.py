from __future__ import annotations

from datetime import date

import pytest

from appliance.domain.ids import TenantId
from appliance.errors import InvalidInput, NotFound
from appliance.services.usage import UsageService
from tests.contract.turn_store_contract import build_usage
from tests.fakes.stored_history import DATABASES, StoredHistory, open_history


def build_service(history: StoredHistory) -> UsageService:
    database = history.temporary.database
    return UsageService(database.usage, database.tenants)


async def grow(history: StoredHistory) -> UsageService:
    other = history.temporary.other_tenant_id
    qwen = (build_usage("ollama", "qwen3:4b", tokens=(100, 20, 7), cost=None),)
    claude = (build_usage("anthropic", "claude", tokens=(9, 1, 0), cost=2**40),)
    accepted = await history.ask("s1")
    await history.opened.finish(accepted, usage=qwen, usage_day="2026-03-01")
    accepted = await history.ask("s1")
    await history.opened.finish(accepted, usage=claude, usage_day="2026-03-02")
    accepted = await history.ask("s2", tenant_id=other)
    await history.opened.finish(accepted, usage=qwen, usage_day="2026-03-02")
    return build_service(history)


@pytest.mark.parametrize("kind", DATABASES)
async def test_sums_by_day_tenant_and_model(kind: str):
    async with open_history(kind) as history:
        usage = await grow(history)
        days = await usage.summarize(tenant_id=None, since=None, until=None, group_by="day")
        assert [(row.day, row.messages, row.input_tokens) for row in days] == [
            ("2026-03-01", 2, 100),
            ("2026-03-02", 4, 109),
        ]
        assert [row.unpriced_tokens for row in days] == [120, 120]
        assert days[1].cost_micro_usd == 2**40
        assert days[0].tenant_id is days[0].model is None
        tenants = await usage.summarize(
            tenant_id=None, since=date(2026, 3, 2), until=date(2026, 3, 2), group_by="tenant"
        )
        assert {row.tenant_id: row.output_tokens for row in tenants} == {
            history.tenant_id: 1,
            history.temporary.other_tenant_id: 20,
        }
        models = await usage.summarize(
            tenant_id=history.tenant_id, since=None, until=None, group_by="model"
        )
        assert [(row.provider, row.model, row.cached_input_tokens) for row in models] == [
            ("anthropic", "claude", 0),
            ("ollama", "qwen3:4b", 7),
        ]
        assert all(type(row.input_tokens) is int for row in (*days, *tenants, *models))


@pytest.mark.parametrize("kind", DATABASES)
async def test_the_export_has_a_line_for_each_row(kind: str):
    async with open_history(kind) as history:
        usage = await grow(history)
        content = await usage.export(
            tenant_id=history.tenant_id, since=None, until=date(2026, 3, 2)
        )
        lines = content.decode("utf-8-sig").splitlines()
        assert lines[0].split(",")[:4] == ["tenant_id", "day", "provider", "model"]
        assert lines[1:] == [
            f"{history.tenant_id},2026-03-01,ollama,qwen3:4b,1,2,100,20,7,0,0,120",
            f"{history.tenant_id},2026-03-02,anthropic,claude,0,2,9,1,0,0,{2**40},0",
        ]


async def test_a_period_must_not_end_before_it_begins():
    async with open_history() as history:
        usage = build_service(history)
        with pytest.raises(InvalidInput):
            await usage.export(tenant_id=None, since=date(2026, 3, 2), until=date(2026, 3, 1))


async def test_an_unknown_tenant_is_told():
    async with open_history() as history:
        usage = build_service(history)
        unknown = TenantId("nobody")
        with pytest.raises(NotFound):
            await usage.export(tenant_id=unknown, since=None, until=None)
        with pytest.raises(NotFound):
            await usage.summarize(tenant_id=unknown, since=None, until=None, group_by="day")
