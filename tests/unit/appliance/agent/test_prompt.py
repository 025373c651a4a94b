from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from appliance.agent.prompt import build_facts, build_system_message
from appliance.domain.tenant import AgentSettings, BusinessInfo, Faq, Tenant
from tests.fakes.shops import build_tenant

NOW = datetime(2026, 3, 2, 11, 30, tzinfo=ZoneInfo("Asia/Jerusalem"))
SNAPSHOT = Path(__file__).with_name("prompt_snapshot.md")
BUSINESS = BusinessInfo(
    about="Pizza from a wood oven since 1998.",
    contact={"phone": "+1 555 010 2030", "address": "1 Main Street"},
    hours={
        "Sunday–Thursday": "11:00–22:00",
        "Friday": {"open": "11:00", "close": "15:00"},
        "Saturday": [{"open": "20:00", "close": "23:00"}, "kitchen until 22:30"],
    },
    policies={"returns": "A cold pizza is made again.", "tips": {"card": True}},
    faqs=[Faq(question="Is there parking?", answer="Yes, behind the shop.")],
    instructions="Never promise a delivery time.",
)


def shop(**fields: object) -> Tenant:
    return build_tenant(time_zone="Asia/Jerusalem", **fields)


def test_the_assembled_prompt_is_the_stored_one() -> None:
    tenant = shop(business_info=BUSINESS, agent=AgentSettings(tone="cheerful"), language="he-IL")
    assert build_system_message(tenant, now=NOW, has_tools=True).content == SNAPSHOT.read_text(
        "utf-8"
    )


def test_an_empty_tenant_gets_only_the_general_parts() -> None:
    text = build_system_message(shop(), now=NOW, has_tools=False).content
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == ["## How you write", "## Language", "## Now"]
    assert "Tone" not in text


def test_tools_are_described_only_to_who_has_some() -> None:
    assert "## Tools" in build_system_message(shop(), now=NOW, has_tools=True).content
    assert "## Tools" not in build_system_message(shop(), now=NOW, has_tools=False).content


@pytest.mark.parametrize("text", ["$", "$$", "$now", "${shop_name}", "costs $5", "$facts {x} %s"])
def test_a_dollar_in_the_tenants_texts_stays_as_it_is(text: str) -> None:
    info = BusinessInfo(
        about=f"about {text}",
        contact={f"key {text}": f"contact {text}"},
        faqs=[Faq(question=f"question {text}", answer=f"answer {text}")],
        instructions=f"instructions {text}",
    )
    tenant = shop(name=f"name {text}", business_info=info, agent=AgentSettings(tone=f"tone {text}"))
    prompt = build_system_message(tenant, now=NOW, has_tools=True).content
    for part in ("about", "key", "contact", "question", "answer", "instructions", "name", "tone"):
        assert f"{part} {text}" in prompt


def test_only_the_last_part_moves_with_the_time() -> None:
    tenant = shop(business_info=BUSINESS)
    one = build_system_message(tenant, now=NOW, has_tools=True)
    later = build_system_message(tenant, now=NOW.replace(minute=31), has_tools=True)
    assert one.content != later.content
    assert one.stable_chars == later.stable_chars
    assert one.content[: one.stable_chars] == later.content[: one.stable_chars]
    rest = later.content[one.stable_chars :].strip()
    assert rest == "## Now\nIt is now Monday, 2026-03-02 11:31 (Asia/Jerusalem)."


@pytest.mark.parametrize(
    ("tag", "name"), [("en", "English"), ("iw", "Hebrew"), ("pt-BR", "Portuguese"), ("sw", "sw")]
)
def test_the_fallback_language_is_named(tag: str, name: str) -> None:
    prompt = build_system_message(shop(language=tag), now=NOW, has_tools=False).content
    assert f"answer in {name}." in prompt


def test_without_business_information_there_are_no_facts() -> None:
    assert build_facts(BusinessInfo()) == ""
    assert build_facts(BusinessInfo(about="  \n")) == ""


def test_blank_instructions_make_no_part() -> None:
    tenant = shop(business_info=BusinessInfo(instructions=" \n "))
    assert "Instructions" not in build_system_message(tenant, now=NOW, has_tools=False).content
