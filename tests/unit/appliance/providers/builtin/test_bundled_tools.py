"""All tools of this product together: everyday words choose the one that does what is asked."""

from __future__ import annotations

import json

import pytest

from tests.unit.appliance.providers.builtin.bundled import load_bundled
from tests.unit.appliance.providers.builtin.shops import FOLDER, Visitor, make_shop

PHRASINGS: dict[str, list[str]] = json.loads(
    (FOLDER / "bundled_phrasings.json").read_text(encoding="utf-8")
)
FEWEST = 12


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in PHRASINGS.items() for text in texts]
)
async def test_everyday_words_choose_the_tool(name: str, text: str) -> None:
    reply = await Visitor(make_shop(tools=load_bundled())).say(text)
    assert reply.tool == name


def test_every_tool_has_its_phrasings() -> None:
    assert PHRASINGS.keys() == {tool.name for tool in load_bundled()}
    assert all(len(set(texts)) >= FEWEST for texts in PHRASINGS.values())


@pytest.mark.parametrize("clock", ["25:00", "24:30", "19:75", "בשעה 25:00"])
async def test_a_time_that_does_not_exist_is_refused(clock: str) -> None:
    visitor = Visitor(make_shop(tools=load_bundled()))
    await visitor.say("Book appointment")
    await visitor.say("30/12")
    reply = await visitor.say(clock)
    assert reply.arguments == {"date": "2025-12-30"}
    assert "I could not read a time in that." in reply.text


@pytest.mark.parametrize(
    "text",
    [
        "Move my booking B-ABC2345 to 11",
        "move it to 11",
        "להזיז את התור B-ABC2345 ל-11",
        "לדחות ל11",
    ],
)
async def test_what_is_moved_to_a_number_is_moved_to_an_hour(text: str) -> None:
    reply = await Visitor(make_shop(tools=load_bundled())).say(text)
    assert reply.tool == "reschedule_appointment"
    assert reply.arguments["time"] == "11:00"
    assert "party_size" not in reply.arguments


async def test_a_number_of_people_is_still_one() -> None:
    visitor = Visitor(make_shop(tools=load_bundled()))
    reply = await visitor.say("Change booking B-ABC2345 to 4 people")
    assert reply.arguments == {"reference": "B-ABC2345", "party_size": 4}


@pytest.mark.parametrize(
    ("text", "product", "quantity"),
    [
        ("I want to order 2 margherita pizzas", "margherita pizzas", 2),
        ("I would like to order 3 hand saws", "hand saws", 3),
        ("אני רוצה להזמין 3 מברשות שיער", "מברשות שיער", 3),
    ],
)
async def test_what_is_ordered_is_nobodys_name(text: str, product: str, quantity: int) -> None:
    reply = await Visitor(make_shop(tools=load_bundled())).say(text)
    assert reply.arguments == {"product": product, "quantity": quantity}


async def test_a_name_beside_what_is_ordered_is_one() -> None:
    visitor = Visitor(make_shop(tools=load_bundled()))
    reply = await visitor.say("I want to order 2 margherita pizzas, my name is Tom Baker")
    assert reply.arguments["name"] == "Tom Baker"
