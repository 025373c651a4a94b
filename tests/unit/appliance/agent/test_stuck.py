"""Which rounds leave the visitor where he was, beside those that only sound like it."""

from __future__ import annotations

import pytest

from appliance.agent.stuck import is_failed_round
from appliance.domain.message import ChatMessage

NO_HELP = """
I don't know.
I'm sorry, I don't know the answer to that.
I am not sure what our warranty covers.
I’m not sure about that.
I couldn't find anything about that order.
I could not find that in the information I have.
Sorry, I wasn't able to find a matching product.
I'm unable to find that.
I can't help with that here.
I cannot answer this question.
I don't have information about parking.
I do not have any information on that.
Unfortunately I don't have that information.
I don't have access to your account.
I have no information about gift cards.
I didn't understand that.
I'm sorry, I did not understand. Please try again.
I don't understand the question.
I didn't quite catch that.
Could you rephrase your question?
Can you clarify which product you mean?
Please rephrase.
I'm not sure I understand.
There is no information about that in our FAQ.
That is beyond my knowledge.
I'm afraid I can't do that.
I AM NOT SURE
אני לא יודע.
מצטער, אני לא יודעת.
אינני בטוח לגבי זה.
לא מצאתי מידע על כך.
מצטער, לא מצאתי את זה במידע שבית העסק מסר לי.
לא הצלחתי למצוא את ההזמנה.
לא הבנתי את השאלה.
סליחה, לא הצלחתי להבין.
אין לי מידע על חניה.
לצערי אין לי את המידע הזה.
אני לא יכול לעזור בזה.
אפשר לנסח את השאלה אחרת?
תוכל להבהיר למה הכוונה?
תוכלי לנסח מחדש?
איני יודע מתי זה יגיע.
"""

HELP = """
We are open until ten.
Yes, we deliver to Haifa.
Your order 12345 is being prepared.
Now you know where we are.
You can find us at 12 Main Street.
I found three pizzas without cheese.
If you are not sure about the size, take the larger one.
You don't need to know your order number.
Sure, I can help with that. Which day?
Parking is free; no information is needed.
Which size would you like?
For when should I book it?
I know that one: it costs 40.
Don't worry, it is on its way.
The oven is out of order, so delivery takes longer.
Please check before I go ahead.
I don't mind, take your time.
Understood, I have changed it.
Clarified butter is in every curry.
You will find help on the second floor.
Could you tell me the order number?
What is your name?
We do not sell that, but we do sell this.
No, we are closed on Saturday.
אנחנו פתוחים עד עשר.
כן, יש משלוחים לחיפה.
ההזמנה שלך בהכנה.
מצאתי שלוש פיצות בלי גבינה.
אם לא בטוחים במידה, כדאי לקחת גדולה.
איזו מידה תרצו?
לאיזה יום להזמין?
סגור בשבת.
הבנתי, שיניתי את זה.
המחיר הוא 40 שקלים.
אפשר לשלם במזומן או באשראי.
מה מספר ההזמנה?
לא, אין צורך להזמין מקום.
החניה בחינם.
בטח, אפשר לעזור בזה.
יש לנו מידע על כל המוצרים באתר.
"""


def lines(table: str) -> list[str]:
    return table.strip().splitlines()


def talk(*texts: str) -> list[ChatMessage]:
    """Return a conversation whose first and last messages are the visitor's."""
    roles = ("user", "assistant")
    return [
        ChatMessage(role=roles[number % 2], content=text)  # type: ignore[arg-type]
        for number, text in enumerate(texts)
    ]


@pytest.mark.parametrize("answer", lines(NO_HELP))
def test_an_answer_that_admits_it_does_not_help_is_a_failure(answer: str) -> None:
    assert is_failed_round(talk("Do you have parking?"), answer)


@pytest.mark.parametrize("answer", lines(HELP))
def test_an_answer_that_helps_is_none(answer: str) -> None:
    assert not is_failed_round(talk("Do you have parking?"), answer)


def test_no_answer_is_a_failure() -> None:
    assert is_failed_round(talk("Hi"), "  ")


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("For which date shall I book?", "For which date shall I book?"),
        ("For which date shall I book?", "for which date, shall I book"),
        ("מה מספר ההזמנה שלך?", "מה מספר ההזמנה שלך"),
    ],
)
def test_the_same_question_asked_twice_is_a_failure(before: str, now: str) -> None:
    assert is_failed_round(talk("Book a table", before, "for us"), now)


@pytest.mark.parametrize(
    ("before", "now", "is_failure"),
    [
        ("Where is my order 12345", "where is my order 12345!!", True),
        ("where is my order", "WHERE is my order??", True),
        ("I want to cancel my order please", "please I want to cancel my order", True),
        ("איפה ההזמנה שלי", "איפה ההזמנה שלי???", True),
        ("Where is my order 12345", "Where is my order 678", False),
        ("yes", "yes", False),
        ("12345", "12345", False),
        ("two people", "two people", False),
        ("Do you have red shoes", "Do you have blue shirts", False),
    ],
)
def test_a_visitor_who_says_it_again_was_not_helped(
    before: str, now: str, is_failure: bool
) -> None:
    messages = talk(before, "Let me see.", now)
    assert is_failed_round(messages, "Our shop opens at nine.") is is_failure


def test_answers_before_the_last_one_may_come_again() -> None:
    messages = talk("Opening hours?", "We open at nine in the morning.", "Price?", "40.", "Hours?")
    assert not is_failed_round(messages, "We open at nine in the morning.")


@pytest.mark.parametrize("answer", ["Yes, we do.", "כן, בוודאי שיש."])
def test_a_short_answer_may_fit_two_questions(answer: str) -> None:
    assert not is_failed_round(talk("Do you deliver?", answer, "Parking as well?"), answer)


def test_the_same_long_answer_to_another_question_is_a_failure() -> None:
    answer = "Our team is happy to help you with everything."
    assert is_failed_round(talk("Do you deliver?", answer, "And when?"), answer)
