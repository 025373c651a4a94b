from __future__ import annotations

import pytest

from appliance.domain.tenant import BusinessInfo, Faq
from appliance.providers.builtin.knowledge import Knowledge
from appliance.providers.builtin.knowledge_answers import (
    ENOUGH_COVERAGE,
    answer_from,
    find_best,
    find_related,
    list_contacts,
)
from appliance.providers.builtin.phrasebook import load_phrasebooks
from tests.unit.appliance.providers.builtin.reading import build_context, read

BOOK = load_phrasebooks()["en"]
NOW = build_context().now
KNOWLEDGE = Knowledge(
    BusinessInfo(
        contact={"phone": "111", "email": "a@b.example"},
        hours={"Mon-Fri": "9:00-17:00", "Sauna": "12:00-20:00"},
        policies={"returns": "Thirty days."},
        faqs=[
            Faq(question="Do you lend towels?", answer="Towels are two euros."),
            Faq(question="Is the water heated?", answer="To 28 degrees."),
        ],
    )
)


def answer(text: str) -> tuple[str, str]:
    match = find_best(KNOWLEDGE, read(text))
    assert match is not None
    assert match.coverage >= ENOUGH_COVERAGE
    told = answer_from(match, KNOWLEDGE, read(text), BOOK, NOW)
    return told.intent, told.text


@pytest.mark.parametrize(
    ("text", "intent", "part"),
    [
        ("can I get a towel", "faq", "two euros"),
        ("what does a towel cost?", "faq", "two euros"),
        ("can I send it back?", "policy", "Thirty"),
        ("your phone number?", "contact", "Phone: 111"),
        ("how do I contact you", "contact", "a@b.example"),
        ("open on Friday at 18:00?", "hours", "closed"),
        ("when is the sauna open", "hours", "- Sauna: 12:00-20:00"),
        ("is the sauna open at 19:00?", "hours", "Yes"),
    ],
)
def test_the_right_document_answers(text: str, intent: str, part: str) -> None:
    found = answer(text)
    assert found[0] == intent
    assert part in found[1]


def test_faq_answers_are_cited() -> None:
    match = find_best(KNOWLEDGE, read("is the water heated"))
    assert match is not None
    [citation] = answer_from(match, KNOWLEDGE, read("x"), BOOK, NOW).citations
    assert (citation.title, citation.snippet) == ("Is the water heated?", "To 28 degrees.")


@pytest.mark.parametrize("text", ["do you sell submarines", "who is the president", "zzz"])
def test_what_nothing_explains_is_below_the_threshold(text: str) -> None:
    match = find_best(KNOWLEDGE, read(text))
    assert match is None or match.coverage < ENOUGH_COVERAGE


def test_related_questions_are_offered() -> None:
    assert find_related(KNOWLEDGE, read("towels for elephants")) == ["Do you lend towels?"]
    assert find_related(KNOWLEDGE, read("elephants")) == []


def test_how_much_is_not_how_long() -> None:
    known = Knowledge(
        BusinessInfo(
            faqs=[
                Faq(question="How long is a lesson?", answer="An hour."),
                Faq(question="How much is a lesson?", answer="Thirty euros."),
            ]
        )
    )
    for text, title in (("price of lessons", "How much"), ("how long are lessons", "How long")):
        match = find_best(known, read(text))
        assert match is not None
        assert match.document.title.startswith(title)


def test_nothing_is_about_cancelling_that_does_not_say_so() -> None:
    known = Knowledge(BusinessInfo(policies={"Cancellation": "Two days.", "Pets": "No."}))
    cancel = find_best(known, read("cancellation of my membership"))
    assert cancel is not None
    assert cancel.document.title == "Cancellation"
    assert find_best(known, read("how do i book a membership")) is None


def test_without_contacts_there_is_no_list() -> None:
    assert list_contacts(Knowledge(BusinessInfo()), BOOK) == ""
