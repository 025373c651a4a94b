"""A visitor's words on an action that waits: what is a yes, what a no, and what is neither."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.agent.confirmation import confirmation_replies
from appliance.agent.decisions import read_decision

YES = """
yes|Yes|YES|yes.|yes!|Yes!!!|  yes  |yes…|"yes"|(yes)|y|Y|yeah|yep|yup|yes yes|Yes, please|yes please!
yes thanks|sure|sure thing|Sure, go ahead|ok|OK.|okay|okay, do it|fine|that's fine|that’s fine|thats fine
confirm|Confirmed.|I confirm|correct|that's right|absolutely|of course|please do|go ahead|Go ahead, please
do it|proceed|book it|yes, book it|book it please|sounds good|perfect, thank you|I'm sure|I’m sure|let's do it
Oh yes|well, yes|then yes|actually yes|yes, do that|ＹＥＳ|yes\\nplease|🙂 yes|yes 😊|yes 🙏
👍|👍👍|👍🏽|yes👍|👌|✅|✅ yes|ok 👍
כן|כן!|כן, בבקשה|כן כן|כֵּן|כן.|בטח|ברור|מאשר|מאשרת|אני מאשרת|בסדר|בסדר גמור|אוקיי|אוקי|סבבה|קדימה|יאללה
נכון|הכול נכון|מעולה, תודה|בהחלט|תזמין|תעשי את זה|אין בעיה|כמובן|להמשיך|כן, להמשיך|אז כן|טוב, כן|כן 👍|בְּסֵדֶר
"""

NO = """
no|No|NO!|no.|nope|nah|no way|no thanks|No, thanks|no thank you|n|never|don't|don’t|dont|do not|Don't do it
don't do that|ok wait, don't do that|wait|ok wait|hold on|please wait|not now|not yet|stop|stop!|cancel|cancel it
please cancel|cancel that|never mind|nevermind|forget it|no need|I changed my mind|sorry, I changed my mind
I don't want it|i dont want to|leave it|I'd rather not|wrong|that's wrong|no no|no, stop|no, don't|oh no|no 🙏
👎|👎👎|❌|no 👎|🚫|🛑 stop
לא|לא!|לא, תודה|לא תודה רבה|לֹא|לא לא|ממש לא|רגע|חכה|לא עכשיו|עדיין לא|בטל|תבטלי|ביטול|עזוב|לא צריך|אין צורך
שיניתי את דעתי|התחרטתי|אל תעשה את זה|אל תזמין|לא מאשר|לא נכון|טעות|לא רוצה|סליחה, לא|אז לא
"""

NEITHER = """
|   |...|!!!|?|yes?|ok?|sure?|no?|right?|Yes? What do you mean|are you sure?|is that correct?|כן?|לא?|נכון؟
no, then what are your hours|No, then what are your hours?|yes but at 8|yes, but at 8|yes at 8|yes, 8|ok, at 20:00
yes but for five|yes and add a cola|yes, also book tomorrow|yes if it is free|yes unless it rains|yes tomorrow
no, make it 20:00|no wait, yes|yes no|no yes|yes, no|ok, cancel|ok cancel it|sure, never mind|fine, forget it
yes, don't|yes don't do it|yes please don't|do it, wait|go ahead and cancel|confirm nothing|not right|not ok
not sure|I'm not sure|i am not sure|maybe|perhaps|later|hmm|let me think|what?|who are you|hello|thanks|thank you
please|great|cool|all good|all good, thanks|yesterday|yes-man|yesno|know|nothing|okra pizza|yes or no|y/n|yes/no
I said yes to my wife|she said yes|don't you dare|do you do it|can you do it|you can't|I do not confirm
that is not right|that's not correct|not correct|do it tomorrow|book it for Dana|book it at 8|continue later
1|0|true|yes 1|yes 2|👍👎|✅❌|yes 🚫|👍 but later|🍕|😂|yes 🤔|yes 💀|no 🤔
yes yes yes yes yes yes yes yes yes yes yes yes yes|yes; DROP TABLE bookings|yes %s|yes <script>
כן אבל בשמונה|כן, בשמונה|כן לא|לא כן|לא, אז מתי אתם פתוחים|אולי|לא בטוח|אני לא בטוח|כן ותוסיף קולה|תודה|בבקשה|כנראה
לאט לאט|כנס|תזמין פיצה|תעשה את זה מחר|בטח שלא|ברור שלא|מה?|אז מה השעות שלכם
"""


def table(text: str) -> list[str]:
    return text.strip("\n").replace("\n", "|").replace("\\n", "\n").split("|")


YES_TABLE, NO_TABLE, NEITHER_TABLE = table(YES), table(NO), table(NEITHER)
WORDS = [
    *YES_TABLE,
    *NO_TABLE,
    "but",
    "at",
    "8",
    "not",
    "wait",
    "tomorrow",
    "?",
    "אבל",
    "מחר",
    "🤔",
]


@pytest.mark.parametrize("text", YES_TABLE)
def test_agreeing_and_nothing_else_is_a_yes(text: str) -> None:
    assert read_decision(text) == "yes"


@pytest.mark.parametrize("text", NO_TABLE)
def test_refusing_and_nothing_else_is_a_no(text: str) -> None:
    assert read_decision(text) == "no"


@pytest.mark.parametrize("text", NEITHER_TABLE)
def test_anything_more_or_less_decides_nothing(text: str) -> None:
    assert read_decision(text) is None


@pytest.mark.parametrize("language", ["en", "he", "fr"])
def test_the_buttons_say_what_they_mean(language: str) -> None:
    agree, decline = confirmation_replies(language)
    assert (read_decision(agree), read_decision(decline)) == ("yes", "no")


def test_a_refusal_within_any_words_is_never_a_yes() -> None:
    for agreed in YES_TABLE:
        for refused in NO_TABLE:
            assert read_decision(f"{agreed} {refused}") != "yes", (agreed, refused)
            assert read_decision(f"{refused} {agreed}") != "yes", (agreed, refused)


@given(
    st.lists(st.sampled_from(WORDS), max_size=6), st.sampled_from(["but", "8", "?", "מחר", "🤔"])
)
def test_one_foreign_word_anywhere_undoes_a_decision(words: list[str], foreign: str) -> None:
    for position in range(len(words) + 1):
        assert read_decision(" ".join([*words[:position], foreign, *words[position:]])) is None


@given(st.text(max_size=60))
def test_any_text_can_be_read(text: str) -> None:
    assert read_decision(text) in ("yes", "no", None)
