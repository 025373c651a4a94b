"""Whole conversations, turn by turn, as the agent loop holds them."""

from __future__ import annotations

import msgspec
import pytest

from appliance.domain.message import ChatMessage
from appliance.domain.tool import ToolSpec
from tests.unit.appliance.providers.builtin.shops import (
    DECLINED,
    WAITING,
    Visitor,
    load_shop,
    make_shop,
)

BOOKING = {"date": "2025-05-08", "time": "19:00"}


async def test_a_complete_question_is_a_call_at_once() -> None:
    visitor = Visitor(load_shop("pizza"))
    reply = await visitor.say("Where is my order 12345?")
    assert (reply.tool, reply.arguments) == ("get_order_status", {"order_number": "12345"})
    assert reply.calls
    told = await visitor.tool_returns({"status": "baking", "message": "Order 12345 is baking."})
    assert told.text.startswith("Order 12345 is baking.")
    assert not told.calls


async def test_what_is_searched_for_is_cut_out_of_the_question() -> None:
    visitor = Visitor(load_shop("pizza"))
    reply = await visitor.say("Do you have pepperoni pizza?")
    assert reply.calls
    assert reply.arguments == {"product_name": "pepperoni pizza"}


async def test_a_form_asks_for_what_is_missing_one_by_one() -> None:
    visitor = Visitor(load_shop("pizza"))
    first = await visitor.say("book a table for tomorrow at 19:00")
    assert not first.calls
    assert "For how many people?" in first.text
    assert "19:00" in first.text
    second = await visitor.say("for four")
    assert "name" in second.text.lower()
    third = await visitor.say("my name is Dana Levi")
    assert "phone" in third.text.lower()
    last = await visitor.say("+1 555 010 2030")
    assert last.calls
    assert last.arguments == BOOKING | {
        "party_size": 4,
        "name": "Dana Levi",
        "phone": "+1 555 010 2030",
    }


async def test_a_form_in_hebrew_offers_choices_and_reads_words() -> None:
    visitor = Visitor(load_shop("dental"))
    first = await visitor.say("אני רוצה לקבוע תור")
    assert first.finished.quick_replies == ("בדיקה", "ניקוי אבנית", "סתימה")
    for text in ("סתימה", "מחר", "בארבע וחצי", "דנה כהן"):
        assert not (await visitor.say(text)).calls
    last = await visitor.say("052-1234567")
    assert last.calls
    assert last.arguments == {
        "treatment": "סתימה",
        "visit_date": "2025-05-08",
        "visit_time": "16:30",
        "full_name": "דנה כהן",
        "phone_number": "052-1234567",
    }


async def test_a_question_in_the_middle_is_answered_and_the_form_goes_on() -> None:
    visitor = Visitor(load_shop("pizza"))
    await visitor.say("book a table for tomorrow at 19:00")
    aside = await visitor.say("when are you open?")
    assert "11:00" in aside.text
    assert "For how many people?" in aside.text
    assert aside.arguments == BOOKING
    after = await visitor.say("3")
    assert after.arguments == BOOKING | {"party_size": 3}


async def test_another_request_in_the_middle_is_taken_up() -> None:
    visitor = Visitor(load_shop("pizza"))
    await visitor.say("book a table for tomorrow at 19:00")
    reply = await visitor.say("Where is my order 12345?")
    assert (reply.tool, reply.arguments) == ("get_order_status", {"order_number": "12345"})


@pytest.mark.parametrize(
    ("correction", "changed"),
    [
        ("no, 20:00", {"time": "20:00"}),
        ("actually make it Friday", {"date": "2025-05-09"}),
        ("sorry, I meant 8pm on Saturday", {"date": "2025-05-10", "time": "20:00"}),
    ],
)
async def test_corrections_replace_what_was_said(
    correction: str, changed: dict[str, object]
) -> None:
    visitor = Visitor(load_shop("pizza"))
    await visitor.say("book a table for tomorrow at 19:00 for 2 people")
    reply = await visitor.say(correction)
    assert not reply.calls
    assert reply.arguments == BOOKING | {"party_size": 2} | changed


@pytest.mark.parametrize("words", ["cancel", "never mind", "forget it", "עזוב", "לא משנה", "stop"])
async def test_a_form_can_be_dropped(words: str) -> None:
    visitor = Visitor(load_shop("pizza"))
    await visitor.say("book a table for tomorrow at 19:00")
    reply = await visitor.say(words)
    assert reply.state["intent"] == "cancel"
    assert "form" not in reply.state
    assert not (await visitor.say("4")).calls


async def test_a_wrong_value_is_asked_for_again_with_the_reason() -> None:
    visitor = Visitor(load_shop("pizza"))
    await visitor.say("book a table for tomorrow at 19:00")
    reply = await visitor.say("30")
    assert "12" in reply.text
    assert "For how many people?" in reply.text
    assert "party_size" not in reply.arguments


@pytest.mark.parametrize("answer", ["yes", "Yes please", "כן"])
@pytest.mark.parametrize("shop", ["pizza", "bare"])
async def test_a_yes_to_the_offer_of_a_person_asks_for_one(answer: str, shop: str) -> None:
    visitor = Visitor(load_shop("pizza") if shop == "pizza" else make_shop())
    await visitor.say("what is the meaning of life")
    reply = await visitor.say(answer)
    assert reply.finished.signal == "wants_human"


@pytest.mark.parametrize("answer", ["no", "yes, and when are you open?"])
async def test_other_words_behind_the_offer_of_a_person_ask_for_none(answer: str) -> None:
    visitor = Visitor(load_shop("pizza"))
    await visitor.say("what is the meaning of life")
    assert (await visitor.say(answer)).finished.signal != "wants_human"


async def test_a_yes_behind_anything_else_asks_for_no_person() -> None:
    visitor = Visitor(load_shop("pizza"))
    await visitor.say("what is the meaning of life")
    await visitor.say("When are you open?")
    assert (await visitor.say("yes")).finished.signal != "wants_human"


@pytest.mark.parametrize("code", ["V-77", "it's V-77", "V-77?"])
async def test_a_short_code_is_read_where_one_is_due(code: str) -> None:
    asked = Visitor(load_shop("pizza"))
    await asked.say("Where is my order?")
    assert (await asked.say(code)).arguments == {"order_number": "V-77"}
    corrected = Visitor(load_shop("pizza"))
    await corrected.say("Where is my order 12345?")
    await corrected.tool_returns({"success": False, "error": "There is no order 12345."})
    again = await corrected.say(code)
    assert [call.arguments for call in again.calls] == [{"order_number": "V-77"}]


async def test_a_person_is_offered_when_a_form_does_not_get_on() -> None:
    visitor = Visitor(load_shop("pizza"))
    await visitor.say("book a table for tomorrow at 19:00")
    replies = [await visitor.say(text) for text in ("hm", "whatever")]
    assert "Talk to a person" in replies[-1].finished.quick_replies
    assert "Talk to a person" not in replies[0].finished.quick_replies


async def test_a_refused_action_can_be_changed_and_asked_again() -> None:
    visitor = Visitor(load_shop("pizza"))
    asked = await visitor.say(
        "book a table for 2 tomorrow at 19:00, my name is Dana, phone 555 010 2030"
    )
    assert asked.calls
    visitor.messages.append(ChatMessage(role="user", content="no"))
    visitor.messages.append(ChatMessage(role="assistant", content="", tool_calls=asked.calls))
    declined = await visitor.tool_returns(DECLINED, is_error=True)
    assert not declined.calls
    assert "not done" in declined.text
    changed = await visitor.say("make it 8pm")
    assert changed.calls
    assert changed.arguments == asked.arguments | {"time": "20:00"}


async def test_a_waiting_action_can_be_corrected_without_a_no() -> None:
    visitor = Visitor(load_shop("pizza"))
    asked = await visitor.say(
        "book a table for 2 tomorrow at 19:00, my name is Dana, phone 555 010 2030"
    )
    visitor.add_tool_message(WAITING)
    visitor.messages.append(ChatMessage(role="assistant", content="Shall I go ahead?"))
    changed = await visitor.say("no, 20:00")
    assert changed.calls
    assert changed.arguments == asked.arguments | {"time": "20:00"}


@pytest.mark.parametrize("words", ["ok wait, don't do that", "never mind", "no", "bye"])
async def test_a_waiting_action_is_not_asked_for_again_after_a_no(words: str) -> None:
    visitor = Visitor(load_shop("pizza"))
    await visitor.say("book a table for 2 tomorrow at 19:00, my name is Dana, phone 555 010 2030")
    visitor.add_tool_message(WAITING)
    visitor.messages.append(ChatMessage(role="assistant", content="Shall I go ahead?"))
    assert not (await visitor.say(words)).calls


async def test_a_confirmed_action_is_told_from_its_result() -> None:
    visitor = Visitor(load_shop("pizza"))
    asked = await visitor.say(
        "book a table for 2 tomorrow at 19:00, my name is Dana, phone 555 010 2030"
    )
    visitor.add_tool_message(WAITING)
    visitor.messages.append(ChatMessage(role="assistant", content="Shall I go ahead?"))
    visitor.messages.append(ChatMessage(role="user", content="yes"))
    visitor.messages.append(ChatMessage(role="assistant", content="", tool_calls=asked.calls))
    told = await visitor.tool_returns({"success": True, "message": "Your table is booked."})
    assert told.text == "Your table is booked."
    again = await visitor.say("make it 8pm")
    assert not again.calls  # a second booking is asked for in full


async def test_a_reading_tool_can_be_asked_again_by_a_hint() -> None:
    visitor = Visitor(load_shop("pizza"))
    await visitor.say("Where is my order 12345?")
    await visitor.tool_returns({"message": "On its way."})
    reply = await visitor.say("and order 678?")
    assert reply.calls
    assert reply.arguments == {"order_number": "678"}


async def test_a_failed_tool_is_told_honestly_with_a_way_to_a_person() -> None:
    visitor = Visitor(load_shop("pizza"))
    await visitor.say("Where is my order 12345?")
    reply = await visitor.tool_returns("HTTP 502 from http://10.0.0.8/secret", is_error=True)
    assert "could not do that" in reply.text
    assert "10.0.0.8" not in reply.text
    assert "555 010 7788" in reply.text


async def test_a_moment_can_be_given_in_two_answers() -> None:
    visitor = Visitor(load_shop("bikes"))
    await visitor.say("I want to rent a mountain bike for 3 days")
    asked = await visitor.say("on Saturday")
    assert "time" in asked.text
    reply = await visitor.say("10am")
    assert reply.arguments["pickup"] == "2025-05-10T10:00:00+01:00"
    assert reply.finished.quick_replies == ("Yes", "No")
    assert (await visitor.say("no")).arguments["helmet"] is False


async def test_an_older_conversation_of_another_provider_is_fine() -> None:
    visitor = Visitor(load_shop("pizza"))
    await visitor.say("book a table for tomorrow at 19:00")
    visitor.messages += [
        ChatMessage(role="user", content="tell me a joke"),
        ChatMessage(role="assistant", content="Ha!", provider_state={"provider": "ollama"}),
    ]
    reply = await visitor.say("when are you open?")
    assert reply.state["intent"] == "hours"
    assert "form" not in reply.state  # the form is two turns old


async def test_a_form_of_a_tool_that_is_gone_is_forgotten() -> None:
    visitor = Visitor(load_shop("pizza"))
    await visitor.say("book a table for tomorrow at 19:00")
    visitor.shop = msgspec.structs.replace(visitor.shop, tools=())
    reply = await visitor.say("when are you open?")
    assert reply.state["intent"] == "hours"


async def test_the_language_follows_the_visitor() -> None:
    visitor = Visitor(load_shop("pizza"))
    assert "שעות הפתיחה" in (await visitor.say("מתי אתם פתוחים?")).text
    assert "לא מצאתי" in (await visitor.say("dana@shop.example")).text
    assert "Our opening hours" in (await visitor.say("and when are you open?")).text


async def test_nested_parameters_become_nested_arguments() -> None:
    tool = ToolSpec(
        name="register_warranty",
        description="Register a warranty",
        parameters_schema={
            "type": "object",
            "properties": {
                "buyer": {
                    "type": "object",
                    "properties": {"email": {"type": "string", "format": "email"}},
                    "required": ["email"],
                },
                "serial_number": {"type": "string"},
            },
            "required": ["buyer", "serial_number"],
        },
        risk="write",
    )
    visitor = Visitor(make_shop(tools=[tool]))
    first = await visitor.say("register the warranty of serial number X99-1234")
    assert not first.calls
    last = await visitor.say("eva@mail.example")
    assert last.arguments == {
        "buyer": {"email": "eva@mail.example"},
        "serial_number": "X99-1234",
    }
    assert last.calls


async def test_without_a_visitor_message_there_is_still_an_answer() -> None:
    visitor = Visitor(load_shop("pizza"))
    visitor.messages.append(ChatMessage(role="assistant", content="Hello!"))
    reply = await visitor.say("")
    assert reply.text
