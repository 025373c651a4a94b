"""Choosing frequent questions by likeness."""

from __future__ import annotations

from time import thread_time

import pytest

from appliance.agent.faq_selection import FaqIndex
from appliance.domain.tenant import Faq

FAQS = [
    Faq(question="Do you deliver to the north?", answer="Twice a week."),
    Faq(question="Can I return a bicycle?", answer="Within 30 days, with the receipt."),
    Faq(question="כמה עולה משלוח לצפון?", answer="עשרים שקלים."),
    Faq(question="האם אפשר להחזיר אופניים?", answer="תוך 30 יום, עם הקבלה."),
    Faq(question="Is there parking?", answer="Behind the shop."),
]


@pytest.mark.parametrize(
    ("asked", "best"),
    [
        ("returning my bicycle", 1),
        ("parkng?", 4),
        ("כמה עולים משלוחים לצפון", 2),
        ("אני רוצה להחזיר את האופניים", 3),
    ],
)
def test_the_most_like_question_is_chosen(asked: str, best: int) -> None:
    assert FAQS[best] in FaqIndex(FAQS).select(asked, max_tokens=30)


def test_they_stay_in_the_shops_order_and_within_the_budget() -> None:
    found = FaqIndex(FAQS).select("return delivery bicycle north", max_tokens=1_000)
    assert found == sorted(found, key=FAQS.index)
    assert len(FaqIndex(FAQS).select("return delivery bicycle north", max_tokens=16)) == 1


@pytest.mark.parametrize("asked", ["", "?!", "zzz", "🙂"])
def test_what_is_like_nothing_chooses_nothing(asked: str) -> None:
    assert FaqIndex(FAQS).select(asked, max_tokens=1_000) == []


def test_two_thousand_are_chosen_from_quickly() -> None:
    words = "Some words. " * 20
    many = [Faq(question=f"Question {n} of colour?", answer=words) for n in range(2000)]
    index = FaqIndex(many)
    began = thread_time()
    assert index.select("what colour is it", max_tokens=500)
    assert thread_time() - began < 1
