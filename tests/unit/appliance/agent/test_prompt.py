from __future__ import annotations

from datetime import datetime
from importlib.resources import files
from pathlib import Path
from string import Template
from zoneinfo import ZoneInfo

import pytest

from appliance.agent.prompt import build_facts, build_system_message, load_titles
from appliance.domain.tenant import AgentSettings, BusinessInfo, Faq, Tenant
from appliance.domain.tokens import estimate_tokens
from tests.fakes.shops import build_tenant

NOW = datetime(2026, 3, 2, 11, 30, tzinfo=ZoneInfo("Asia/Jerusalem"))
SNAPSHOTS = Path(__file__).parent
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


HEBREW_BUSINESS = BusinessInfo(
    about="פיצה מתנור אבן מאז 1998.",
    contact={"טלפון": "03-555-0102"},
    hours={"ראשון–חמישי": "11:00–22:00", "שישי": {"open": "11:00", "close": "15:00"}},
    policies={"החזרות": "פיצה קרה נאפית מחדש."},
    faqs=[Faq(question="יש חניה?", answer="כן, מאחורי החנות.")],
    instructions="לא להבטיח שעת משלוח.",
)
SUMMARY = '- visitor: "Do you deliver?" | assistant: "Yes, until ten."'


@pytest.mark.parametrize(
    ("language", "business", "snapshot"),
    [
        ("pt-BR", BUSINESS, "prompt_snapshot.md"),
        ("he-IL", HEBREW_BUSINESS, "prompt_snapshot_he.md"),
    ],
)
def test_the_assembled_prompt_is_the_stored_one(
    language: str, business: BusinessInfo, snapshot: str
) -> None:
    tenant = shop(business_info=business, agent=AgentSettings(tone="cheerful"), language=language)
    prompt = build_system_message(tenant, now=NOW, has_tools=True, summary=SUMMARY).content
    assert prompt == SNAPSHOTS.joinpath(snapshot).read_text("utf-8")


def test_both_languages_have_the_same_prompts() -> None:
    folder = files("appliance.agent").joinpath("prompts")
    names = {
        language: {
            entry.name: sorted(Template(entry.read_text("utf-8")).get_identifiers())
            for entry in folder.joinpath(language).iterdir()
        }
        for language in ("en", "he")
    }
    assert names["en"] == names["he"]
    assert load_titles("en").keys() == load_titles("he").keys()


def test_a_summary_is_outside_what_a_provider_may_cache() -> None:
    plain = build_system_message(shop(), now=NOW, has_tools=False)
    summed = build_system_message(shop(), now=NOW, has_tools=False, summary=SUMMARY)
    assert plain.stable_chars == summed.stable_chars
    assert SUMMARY in summed.content[summed.stable_chars :]
    assert SUMMARY not in plain.content


def test_of_very_many_questions_a_prompt_has_those_that_fit() -> None:
    faqs = [
        Faq(question=f"How long is delivery to district {n}?", answer=f"{n} minutes by bicycle.")
        for n in range(600)
    ] + [Faq(question="Is there gluten free dough?", answer="Yes, ask for the buckwheat one.")]
    tenant = shop(business_info=BusinessInfo(faqs=faqs))
    message = build_system_message(tenant, now=NOW, has_tools=False, asked="any gluten-free ones?")
    assert "buckwheat" in message.content[message.stable_chars :]
    assert estimate_tokens(message.content) < 3_000
    other = build_system_message(tenant, now=NOW, has_tools=False, asked="parking?")
    assert other.stable_chars == message.stable_chars


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
    ("tag", "name"), [("en", "English"), ("ar-EG", "Arabic"), ("pt-BR", "Portuguese"), ("sw", "sw")]
)
def test_the_fallback_language_is_named(tag: str, name: str) -> None:
    prompt = build_system_message(shop(language=tag), now=NOW, has_tools=False).content
    assert f"answer in {name}." in prompt


def test_without_business_information_there_are_no_facts() -> None:
    assert build_facts(BusinessInfo(), load_titles("en")) == ""
    assert build_facts(BusinessInfo(about="  \n"), load_titles("en")) == ""


def test_blank_instructions_make_no_part() -> None:
    tenant = shop(business_info=BusinessInfo(instructions=" \n "))
    assert "Instructions" not in build_system_message(tenant, now=NOW, has_tools=False).content


def test_a_hebrew_shop_is_told_in_hebrew_to_answer_so() -> None:
    prompt = build_system_message(shop(language="iw"), now=NOW, has_tools=False).content
    assert "ענה ב: עברית" in prompt
    assert "יום שני, 2026-03-02 11:30" in prompt.replace("\u200f", "")
