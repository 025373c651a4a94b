from __future__ import annotations

from typing import Any

import msgspec
import pytest

from appliance.domain.tenant import (
    AgentSettings,
    EscalationSettings,
    LlmSettings,
    ModelChoice,
    RetentionSettings,
    Tenant,
)
from appliance.services import tenant_changes
from appliance.services.tenant_changes import TenantChanges, change_tenant
from tests.fakes.shops import build_tenant

FULL = build_tenant(
    llm=LlmSettings(
        provider="anthropic",
        model="claude-x",
        temperature=0.9,
        fallbacks=[ModelChoice(provider="ollama")],
        daily_budget_micro_usd=5_000_000,
    ),
    agent=AgentSettings(tone="Formal", window_messages=8),
    retention=RetentionSettings(message_days=7, tool_execution_days=9),
    escalation=EscalationSettings(email="team@shop.example", is_automatic=True),
)


def change(body: dict[str, Any]) -> Tenant:
    return change_tenant(FULL, msgspec.convert(body, TenantChanges))


def test_one_setting_of_a_subject_leaves_the_others() -> None:
    assert change({"llm": {"temperature": 0.1}}).llm == msgspec.structs.replace(
        FULL.llm, temperature=0.1
    )
    assert change({"agent": {"tone": ""}}).agent.window_messages == 8
    assert change({"retention": {"message_days": None}}).retention.tool_execution_days == 9
    assert change({"escalation": {"webhook_url": "https://a.example"}}).escalation.is_automatic


def test_a_null_ends_a_budget() -> None:
    assert change({"llm": {"daily_budget_micro_usd": None}}).llm.daily_budget_micro_usd is None


@pytest.mark.parametrize(
    ("llm", "model"),
    [
        ({"provider": "openai"}, None),
        ({"provider": None}, None),
        ({"provider": "Claude"}, "claude-x"),
        ({"provider": "openai", "model": "gpt-x"}, "gpt-x"),
        ({"model": "claude-y"}, "claude-y"),
    ],
)
def test_a_model_goes_with_its_provider(llm: dict[str, Any], model: str | None) -> None:
    changed = change({"llm": llm}).llm
    assert changed.model == model
    assert changed.daily_budget_micro_usd == 5_000_000


@pytest.mark.parametrize("subject", ["llm", "agent", "retention", "escalation"])
def test_every_setting_of_a_subject_can_be_changed(subject: str) -> None:
    changes = getattr(tenant_changes, f"{subject.capitalize()}Changes")
    assert changes.__struct_fields__ == getattr(FULL, subject).__struct_fields__


@pytest.mark.parametrize("subject", ["llm", "agent", "retention", "escalation"])
def test_a_misspelt_setting_is_refused(subject: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field `temprature`"):
        change({subject: {"temprature": 1}})
