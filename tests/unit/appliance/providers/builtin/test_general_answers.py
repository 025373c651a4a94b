from __future__ import annotations

import msgspec

from appliance.domain.tenant import BusinessInfo, Faq
from appliance.domain.tool import ToolSpec
from appliance.providers.builtin.general_answers import GeneralAnswers
from appliance.providers.builtin.knowledge import Knowledge
from appliance.providers.builtin.phrasebook import load_phrasebooks

INFO = BusinessInfo(
    hours={"Mon": "9-17"},
    contact={"phone": "111"},
    faqs=[Faq(question="Do you sew?", answer="Yes."), Faq(question="אתם תופרים?", answer="כן.")],
)
TOOL = ToolSpec(
    name="measure",
    description="Measure a window",
    parameters_schema={},
    examples=("מדידת חלון", "Measure my window"),
)


def build(language: str = "en", info: BusinessInfo = INFO) -> GeneralAnswers:
    return GeneralAnswers(load_phrasebooks()[language], "Seam", Knowledge(info), (TOOL,))


def test_buttons_are_in_the_visitors_language() -> None:
    assert build().offers() == ("Measure my window", "Do you sew?")
    assert build("he").offers() == ("מדידת חלון", "אתם תופרים?")


def test_it_says_that_it_is_no_person() -> None:
    assert "automated" in build().identity().text
    assert "Seam" in build().small_talk("greeting").text
    assert "לא אדם" in build("he").identity().text


def test_capabilities_name_only_what_there_is() -> None:
    text = build().capabilities().text
    assert "our opening hours, how to reach us, frequent questions and the shop" in text
    assert "our policies" not in text
    assert "- Measure my window" in text
    assert "the shop" in build(info=BusinessInfo()).capabilities().text


def test_not_knowing_is_said_with_what_may_help() -> None:
    answer = build().unknown(["Do you sew?"])
    assert answer.text.startswith("I am sorry, I could not find that")
    assert "Phone: 111" in answer.text
    assert answer.quick_replies == ("Do you sew?", "Measure my window", "Talk to a person")
    assert build(info=msgspec.structs.replace(INFO, contact={})).unknown([]).text


def test_a_person_is_reached_by_what_the_shop_gives() -> None:
    assert "Phone: 111" in build().human().text
    assert "automated" in build(info=BusinessInfo()).human().text
    text, buttons = build().give_up("Date")
    assert "Date" in text
    assert buttons == ("Talk to a person", "Cancel")


def test_goodbye_offers_nothing_more() -> None:
    assert build().small_talk("goodbye").quick_replies == ()
    assert build().cancelled(had_form=True).text != build().cancelled(had_form=False).text
