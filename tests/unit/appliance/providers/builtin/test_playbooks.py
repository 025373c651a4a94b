"""Bookings with everything a visitor says in between, through the real agent loop."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.domain.tool import ToolCall, ToolSpec
from tests.unit.appliance.providers.builtin.playbook import Playbook, Turn
from tests.unit.appliance.providers.builtin.shops import make_shop

BOOK = ToolSpec(
    name="book_visit",
    description="Book a visit. Needs a date, a time and a name.",
    parameters_schema={
        "title": "Book a visit",
        "x-titles": {"he": "קביעת ביקור"},
        "type": "object",
        "properties": {
            "date": {"format": "date", "title": "Date", "description": "FOR-MODELS"},
            "time": {"format": "time", "title": "Time", "description": "FOR-MODELS"},
            "name": {"title": "Name", "description": "FOR-MODELS"},
            "party_size": {
                "type": "integer",
                "title": "Number of people",
                "minimum": 1,
                "maximum": 9,
            },
            "phone": {"type": "string", "title": "Phone"},
        },
        "required": ["date", "time", "name"],
    },
    risk="write",
    examples=("Book a visit for tomorrow at 10:00", "אני רוצה לקבוע ביקור למחר בעשר"),
)
FIND = ToolSpec(
    name="find_product",
    description="Find products by name and tell whether they are in stock.",
    parameters_schema={
        "type": "object",
        "properties": {"product": {"type": "string", "title": "Product"}},
        "required": ["product"],
    },
    examples=("Do you have red kites?", "יש לכם עפיפון אדום?"),
)
TRACK = ToolSpec(
    name="order_status",
    description="Tell where an order is.",
    parameters_schema={
        "type": "object",
        "properties": {"order_number": {"type": "string", "title": "Order number"}},
        "required": ["order_number"],
    },
    examples=("Where is my order 1234?", "איפה ההזמנה שלי 1234?"),
)
INFO = {
    "hours": {"Monday": "closed", "Tue-Sun": "9:00-21:00"},
    "contact": {"phone": "020 1234", "email": "shop@example.com", "address": "5 Mill Lane"},
    "faqs": [
        {"question": "Is there parking?", "answer": "Yes, behind the house."},
        {"question": "יש חניה?", "answer": "כן, מאחורי הבית."},
    ],
}
DATE = {"date": "2025-05-08"}
VISIT = DATE | {"time": "19:00"}


def run_tool(call: ToolCall) -> Any:
    if call.name == "book_visit" and call.arguments["time"] == "20:30":
        return {"success": False, "message": "20:30 is full.", "alternatives": ["20:00", "21:00"]}
    if call.name == "book_visit":
        return {"success": True, "message": f"Booked for {call.arguments['name']}.", "status": "ok"}
    return {"message": f"{call.name} says {' '.join(map(str, call.arguments.values()))}."}


def open_shop(language: str = "en", **info: Any) -> Playbook:
    shop = make_shop(info=INFO | info, tools=(BOOK, FIND, TRACK), language=language)
    return Playbook(shop, run_tool)


async def talk(book: Playbook, *lines: str) -> Turn:
    for line in lines[:-1]:
        await book.say(line)
    return await book.say(lines[-1])


async def test_a_booking_with_detours_in_english() -> None:
    book = open_shop()
    assert (await book.say("Book a visit for tomorrow at 19:00")).text.endswith(
        "What name shall I put?"
    )
    people = await book.say("4")
    assert people.text == "Noted: Number of people: 4.\n\nWhat name shall I put?"
    detour = await book.say("do you have blue kites?")
    assert detour.text.startswith("find_product says blue kites.")
    assert detour.text.endswith("What name shall I put?")
    held = await book.say("Dana Levi")
    assert held.asks == VISIT | {"party_size": 4, "name": "Dana Levi"}
    assert "**Book a visit**" in held.text
    assert "- Date: **Thursday, 8 May 2025**" in held.text
    hours = await book.say("are you open on Monday?")
    assert hours.text.startswith("On Monday we are closed.")
    assert hours.asks == held.asks
    order = await book.say("where is my order 5678?")
    assert order.text.startswith("order_status says 5678.")
    assert order.asks == held.asks
    changed = await book.say("no, 20:00")
    assert changed.asks == held.asks | {"time": "20:00"}
    assert (await book.say("make it 5 people")).asks == changed.asks | {"party_size": 5}
    final = changed.asks | {"party_size": 5, "name": "Tom"}
    assert (await book.say("change the name to Tom")).asks == final
    done = await book.say("yes")
    assert [call.arguments for call in done.ran] == [final]
    assert done.text == "Booked for Tom."


async def test_a_booking_with_detours_in_hebrew() -> None:
    book = open_shop("he")
    first = await book.say("אני רוצה לקבוע ביקור למחר בשבע בערב")
    assert first.text.startswith("רשמתי: תאריך: יום חמישי, 8 במאי 2025; שעה: 19:00.")
    people = await book.say("ארבעה")
    assert people.text == "רשמתי: מספר אנשים: 4.\n\nאיזה שם לרשום?"
    detour = await book.say("יש חניה?")
    assert detour.text.startswith("כן, מאחורי הבית.")
    assert detour.text.endswith("איזה שם לרשום?")
    held = await book.say("דנה")
    assert held.asks == VISIT | {"party_size": 4, "name": "דנה"}
    assert "**קביעת ביקור**" in held.text
    assert "- תאריך: **יום חמישי, 8 במאי 2025**" in held.text
    hours = await book.say("פתוחים מחר?")
    assert hours.text.startswith("מחר, יום חמישי, אנחנו פתוחים 09:00–21:00.")
    assert hours.asks == held.asks
    assert (await book.say("תשנה את השם לליאור")).asks == held.asks | {"name": "ליאור"}
    final = held.asks | {"name": "ליאור", "time": "20:00"}
    assert (await book.say("לא, בשמונה בערב")).asks == final
    assert [call.arguments for call in (await book.say("כן")).ran] == [final]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("are you open tomorrow?", "Tomorrow, Thursday, we are open 09:00–21:00."),
        ("are you open on Sunday?", "On Sunday we are open 09:00–21:00."),
        ("are you open on Monday?", "On Monday we are closed."),
        ("is it open now?", "Yes, we are open now, until 21:00."),
        ("are you open tomorrow at 22:00?", "No, tomorrow, Thursday, at 22:00 we are closed"),
        ("פתוחים מחר?", "מחר, יום חמישי, אנחנו פתוחים 09:00–21:00."),
        ("אתם פתוחים ביום שני?", "ביום שני אנחנו סגורים."),
        ("פתוח עכשיו?", "כן, אנחנו פתוחים עכשיו, עד 21:00."),
    ],
)
async def test_hours_are_told_and_start_no_booking(question: str, answer: str) -> None:
    assert (await open_shop().say(question)).text.startswith(answer)
    inside = await talk(open_shop(), "book a visit", question)
    assert inside.text.startswith(answer)
    assert "?" in inside.text.splitlines()[-1]


async def test_hours_that_cannot_be_read_are_told_as_given() -> None:
    book = open_shop(hours={"Most days": "when the flag is up"})
    assert "when the flag is up" in (await book.say("are you open tomorrow?")).text


@pytest.mark.parametrize(
    "text", ["do you have an opening tomorrow?", "is there an open slot on Sunday?"]
)
async def test_a_free_slot_is_not_a_question_for_hours(text: str) -> None:
    assert "At what time?" in (await open_shop().say(text)).text


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("do you have green kites?", "find_product says green kites."),
        ("where are you?", "Address: 5 Mill Lane"),
        ("is there parking?", "Yes, behind the house."),
        ("are you a robot?", "I am the automated assistant"),
        ("what is the meaning of life?", "I am sorry, I could not find that"),
    ],
)
async def test_a_question_in_between_is_answered_and_the_form_goes_on(
    question: str, answer: str
) -> None:
    book = open_shop()
    asked = await talk(book, "book a visit for tomorrow", question)
    assert asked.text.startswith(answer)
    assert asked.text.endswith("At what time?")
    held = await talk(book, "7pm", "Dana")
    again = await book.say(question)
    assert again.text.startswith(answer)
    assert again.asks == held.asks == VISIT | {"name": "Dana"}


async def test_another_tools_questions_come_first_and_the_form_after() -> None:
    book = open_shop()
    asked = await talk(book, "book a visit for tomorrow", "where is my order?")
    assert asked.text.endswith("What is your order number?")
    back = await book.say("5678")
    assert back.text.startswith("order_status says 5678.")
    assert back.text.endswith("At what time?")
    assert (await talk(book, "7pm", "Dana")).asks == VISIT | {"name": "Dana"}


async def test_everything_in_one_message_fills_all() -> None:
    held = await talk(
        open_shop(),
        "book a visit for tomorrow at 19:00",
        "for 4 people, my name is Dana, phone 050-1234567",
    )
    assert held.asks == VISIT | {"party_size": 4, "name": "Dana", "phone": "050-1234567"}


@pytest.mark.parametrize("number", ["4", "four", "ארבעה", "for four"])
async def test_a_number_is_no_name(number: str) -> None:
    reply = await talk(open_shop(), "book a visit for tomorrow at 19:00", number)
    assert "4" in reply.text
    assert reply.asks is None


@pytest.mark.parametrize("name", ["שני", "Will", "Mark Twain", "שני לוי"])
async def test_a_name_that_is_also_another_word_is_a_name(name: str) -> None:
    held = await talk(open_shop(), "book a visit for tomorrow at 19:00", name)
    assert held.asks == VISIT | {"name": name}


async def test_after_two_unreadable_answers_another_way_is_offered() -> None:
    book = open_shop()
    first = await talk(book, "book a visit", "blah")
    assert "I could not read a date" in first.text
    second = await book.say("blah blah")
    assert "cancel" in second.text
    assert "human" in second.text
    assert "For which date?" not in second.text
    assert "At what time?" in (await book.say("tomorrow")).text


async def test_an_unreadable_message_keeps_the_question_for_a_yes() -> None:
    book = open_shop()
    held = await talk(book, "book a visit for tomorrow at 19:00", "Dana")
    first = await book.say("blah")
    assert first.text.startswith("I am sorry, I did not understand that.")
    assert first.asks == held.asks
    second = await book.say("blah blah")
    assert "human" in second.text
    assert (await book.say("yes")).ran[0].arguments == held.asks


@pytest.mark.parametrize("words", ["cancel", "no", "ביטול", "לא", "stop it, never mind", "bye"])
async def test_a_no_ends_the_action_also_after_a_detour(words: str) -> None:
    book = open_shop()
    await talk(book, "book a visit for tomorrow at 19:00", "Dana", "when are you open?")
    ended = await book.say(words)
    assert (ended.asks, ended.ran) == (None, ())
    after = await book.say("yes")
    assert (after.asks, after.ran) == (None, ())


async def test_a_person_is_named_instead_of_asking_again() -> None:
    book = open_shop()
    reply = await talk(book, "book a visit for tomorrow at 19:00", "Dana", "talk to a human")
    assert "020 1234" in reply.text
    assert reply.asks is None


async def test_a_value_that_does_not_fit_is_refused_before_the_question_for_a_yes() -> None:
    book = open_shop()
    reply = await talk(book, "book a visit for tomorrow at 19:00", "Dana", "make it 50 people")
    assert "at most 9" in reply.text
    assert reply.asks is None
    assert (await book.say("5 people")).asks == VISIT | {"name": "Dana", "party_size": 5}


async def test_an_action_that_the_tool_refused_can_be_changed() -> None:
    book = open_shop()
    refused = await talk(book, "book a visit for tomorrow at 20:30", "Dana", "yes")
    assert refused.text == "20:30 is full.\n\n- **Alternatives:** 20:00, 21:00"
    assert (await book.say("20:00 then")).asks == DATE | {"time": "20:00", "name": "Dana"}


async def test_descriptions_are_never_shown() -> None:
    book = open_shop()
    for line in ("book a visit", "tomorrow", "at 7pm", "Dana", "yes", "what can you do?"):
        assert "FOR-MODELS" not in (await book.say(line)).text


async def test_ways_to_reach_the_shop_have_names_in_the_visitors_language() -> None:
    text = (await open_shop("he").say("איך יוצרים איתכם קשר?")).text
    for label in ("טלפון", "דוא״ל", "כתובת"):
        assert f"- {label}: " in text


async def test_a_message_of_digits_is_answered_in_the_language_spoken_before() -> None:
    reply = await talk(open_shop(), "אני רוצה לקבוע ביקור למחר בשבע בערב", "4")
    assert reply.text.endswith("איזה שם לרשום?")


LESSON = ToolSpec(
    name="book_lesson",
    description="Book a driving lesson",
    parameters_schema={
        "type": "object",
        "properties": {
            "gearbox": {"type": "string", "enum": ["automatic", "manual"]},
            "start": {"type": "string", "format": "date-time"},
            "student_id": {"type": "string", "pattern": "^\\d{9}$", "title": "Student id"},
            "phone": {"type": "string"},
        },
        "required": ["gearbox", "start", "student_id", "phone"],
    },
    risk="write",
    examples=("book a lesson", "לקבוע שיעור"),
)


async def test_a_moment_is_moved_a_part_at_a_time_and_digits_go_where_they_fit() -> None:
    info = {"policies": {"ביטול שיעור": "עד יום מראש."}, "hours": {"Sun-Thu": "08:00-20:00"}}
    book = Playbook(make_shop(info=info, tools=[LESSON], language="he"), lambda call: {})
    assert (await book.say("היי אפשר לקבוע שיעור?")).asks is None
    for said in ("ידני", "מחר ב-10", "לא מחר, מחרתיים", "אופס, 11", "301234567"):
        await book.say(said)
    asked = await book.say("0541234567")
    assert asked.asks is not None
    assert asked.asks | {"start": asked.asks["start"][:16]} == {
        "gearbox": "manual",
        "start": "2025-05-09T11:00",
        "student_id": "301234567",
        "phone": "0541234567",
    }


async def test_a_question_in_place_of_free_text_is_answered() -> None:
    samples = ToolSpec(
        name="order_samples",
        description="Order samples by post",
        parameters_schema={
            "type": "object",
            "properties": {"address": {"type": "string"}},
            "required": ["address"],
        },
        risk="write",
        examples=("Send me samples",),
    )
    info = {"faqs": [{"question": "How much is the postage?", "answer": "Three pounds."}]}
    book = Playbook(make_shop(info=info, tools=[samples]), lambda call: {})
    await book.say("send me samples")
    told = await book.say("hang on, how much is the postage")
    assert told.text.startswith("Three pounds.")
    assert told.asks is None
    assert (await book.say("12 Mill Lane, Exeter")).asks == {"address": "12 Mill Lane, Exeter"}
