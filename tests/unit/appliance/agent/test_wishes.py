"""What asks for a person and what ends a conversation, beside what only looks like it."""

from __future__ import annotations

import pytest

from appliance.agent.wishes import read_goodbye, wants_human

HUMAN = """
let me talk to a person
I want a human
I want to speak to a human being please
human
Human please!
agent
live agent
representative
operator
can I talk to someone?
Can I speak with a real person about my order?
could I please speak to someone from your team
I'd like to talk to a manager
I would like to speak with your supervisor
please connect me to an agent
connect me with a human
transfer me to a representative now
put me through to customer service
This is useless. Get me a human
This bot is terrible, I want to talk to a real person
I don't understand you. Let me speak to someone.
My order never came and I want to talk to a person
is there someone I can talk to?
Is there a person available?
do you have someone I can speak to
how can I talk to a human?
How do I reach a real person?
I need to speak with someone in charge
I want to talk to a human, not a bot
can I chat with a live agent
call me back
can someone call me please
please have someone call me
I need a human because you don't get it
just let me talk to somebody
why can't I talk to a human
customer service
talk to someone
Talk to a person
I want to talk to the owner
give me a human
no, a human please
No I want a person
SPEAK TO A PERSON
I'd rather talk to a person
ok so can I talk to a person then
hello, I need to talk to a representative regarding my refund
I asked for a person already
let me speak to your manager
would it be possible to speak to someone?
can you get me a person who can help
I only want to speak to a human
seriously, a human
real people please
could you put me in touch with a person
get me somebody who works there
i need human assistance
I would prefer to deal with a real person
אני רוצה שיתקשרו אליי
תעבירי אותי למישהו שמבין
נציג
נציג בבקשה
נציג אנושי
אני רוצה נציג
אני רוצה לדבר עם נציג
אני רוצה לדבר עם בן אדם
אפשר לדבר עם מישהו?
אפשר נציג אנושי בבקשה
תעביר אותי לנציג
תעבירו אותי בבקשה לנציג אנושי
העבירו אותי לשירות לקוחות
אפשר לעבור לנציג?
אני צריכה לדבר עם מישהו מהצוות
אני צריך לדבר עם המנהל
תן לי נציג
תנו לי בן אדם
חברו אותי לנציג
יש שם מישהו?
יש נציג זמין?
יש מישהו שאפשר לדבר איתו
נמאס לי, אני רוצה נציג
ההזמנה לא הגיעה ואני רוצה לדבר עם נציג
איך אפשר לדבר עם נציג?
אפשר שמישהו יחזור אליי?
תחזרו אליי בבקשה
בן אדם בבקשה
אני מבקשת לדבר עם נציגה לגבי החזר
לא, אני רוצה לדבר עם אדם
רוצה לדבר עם נציג שירות
לדבר עם נציג
מענה אנושי בבקשה
אני רוצה לדבר עם מישהו אמיתי ולא עם בוט
שלום, אשמח לדבר עם נציג
למה אי אפשר לדבר עם בן אדם?
אני דורש לדבר עם מנהל עכשיו
נָצִיג
"""

NOT_HUMAN = """
do you have human-sized mannequins
is this a bot?
are you a human?
Are you a real person?
am I talking to a person
are you a bot or a human
I don't want to talk to a person
I don't need a representative
no need for an agent
is the human resources department open
I want a human hair wig
do you sell human anatomy models?
a table for one person
what is the price per person
I need a person's size chart
can I bring a person with me
how many people can sit at a table
do you have a manager discount
I need an agent orange poster
I work as a travel agent
my real estate agent recommended you
who is the manager?
what are the hours of customer service
your customer service is great
I talked to a person yesterday and he said it was fine
a person told me you are closed
someone called me about my order
I need someone's gift wrapped
can someone help me choose a size
is there someone allergic to nuts in the kitchen
can I talk about the price
can I speak English here
let me see the human collection
I want to talk about my order
operator manual for the oven
do you have a cleaning agent
I need a cleaning agent
I am a person
hello
call me Dana
my manager will pick it up
does a person deliver it
I want to book for two people
what did the representative say
we are real people too
customer
the operator of the ride was rude
human rights books
is the chef a person or a machine
can you send it to a person in Haifa
אתה בוט?
אתה בן אדם?
אתה נציג?
אני מדבר עם נציג או עם בוט
אני לא רוצה נציג
לא צריך נציג
לא רוצה לדבר עם נציג
יש לכם נציגות בחיפה?
הנציג שלכם אמר לי שזה בסדר
נציג המכירות היה נחמד
כמה עולה בובה בגודל אדם
שולחן לארבעה אנשים
כמה זה עולה לאדם
מי המנהל?
מה השעות של שירות הלקוחות
אני מנהל של חנות
אני אדם
דיברתי עם נציג אתמול
מישהו התקשר אליי
יש מישהו שיודע מה המחיר
אפשר לדבר עברית?
אפשר להביא מישהו איתי
אני רוצה לדבר על ההזמנה
זכויות אדם
אני צריך חומר ניקוי
קוראים לי אדם
בן אדם נחמד
"""

GOODBYE = """
bye
Bye!
bye bye
bye-bye
goodbye
Good bye
ok bye
thanks bye
Thanks, that's all
thanks, that's it
thank you, that's everything
that's all, thank you!
Thank you so much, that was all
No thanks, bye
no, that's all, thanks
no thank you, that's all thanks
great, thanks. Goodbye!
ok thanks, have a nice day
Have a great day!
thank you and have a good evening
good night
see you
see you later
talk to you later
See you tomorrow, thanks
take care
thanks for your help, bye
perfect, thanks, I'm done
all done, thanks
nothing else, thank you
no more questions, thanks
thanks a lot, have a good one
bye 👋
👋
cheers, bye
thanks, good day
cool, talk to you later
awesome, thank you, goodbye 😊
ok great thank you very much bye
you've been very helpful, bye
thx, thats all
I'm all set, thanks
thank you, you answered my question
תודה, זה הכל, ביי
ביי
ביי ביי
להתראות
תודה, להתראות
תודה וביי
תודה רבה, זה הכל
תודה רבה! יום טוב
לילה טוב
יום נעים
תודה, יום נעים
לא תודה, ביי
לא, תודה, זה הכול
המשך יום טוב
סבבה, תודה, זהו
מעולה תודה רבה, ביי
תודה ולהתראות
כל טוב
יאללה ביי
סיימתי, תודה
אין לי עוד שאלות, תודה
תודה, שבת שלום
תודה על העזרה, להתראות
שיהיה לכם יום נעים
טוב תודה ביי
תודה, קיבלתי תשובה
"""

NOT_GOODBYE = """
bye-bye gift?
thanks
thank you
thanks!
thanks, and what about…
thanks, and what about delivery
thanks. where is my order
that's all?
that's all
that's it
no, that's all
no thanks
nothing else
I'm done
ok
great
is that all
bye?
goodbye gift card
do you sell goodbye cards
when is good night tea available
good day
hello
good morning
good evening
how do I say goodbye
what happens when I say bye
see you at eight
see you tomorrow at 8, book a table
thanks, have a nice day tour tickets
take care of my order
that's all I have to pay?
thanks, that's all wrong
thank you but that's not all
bye bye birdie tickets
thank you, one more question
buy
by
good night's sleep pillow
good night pillow, thanks
I said bye to my old shop
can I have a nice day trip
yes
no
no thanks, something else
thanks, that's all for the drinks, now the food
תודה
תודה רבה
תודה, ומה לגבי משלוח
זה הכל?
זה הכל
זהו
סיימתי
יום טוב
שבת שלום
שלום
ערב טוב
תודה, אבל זה לא הכל
ביי סקסואל זה ספר אצלכם?
כמה עולה ביי ביי
לילה טוב ירח, יש את הספר?
יש לכם מתנות פרידה
תודה, עוד שאלה
לא תודה
להתראות זה שם של סרט?
יום נעים לטיול, מה שעות הפתיחה
תודה, מתי אתם סוגרים
"""


def lines(table: str) -> list[str]:
    return table.strip().splitlines()


@pytest.mark.parametrize("text", lines(HUMAN))
def test_asking_for_a_person_is_recognised(text: str) -> None:
    assert wants_human(text)


@pytest.mark.parametrize("text", lines(NOT_HUMAN) + lines(GOODBYE) + lines(NOT_GOODBYE))
def test_what_only_mentions_a_person_asks_for_none(text: str) -> None:
    assert not wants_human(text)


@pytest.mark.parametrize("text", lines(GOODBYE))
def test_a_goodbye_is_recognised(text: str) -> None:
    assert read_goodbye(text) is not None


@pytest.mark.parametrize("text", lines(NOT_GOODBYE) + lines(HUMAN) + lines(NOT_HUMAN))
def test_what_only_sounds_like_a_goodbye_is_none(text: str) -> None:
    assert read_goodbye(text) is None


@pytest.mark.parametrize("text", ["no thanks, bye", "No. Bye!", "לא תודה, ביי"])
def test_a_goodbye_may_begin_with_a_no(text: str) -> None:
    found = read_goodbye(text)
    assert found is not None
    assert found.declines


@pytest.mark.parametrize("text", ["bye", "thanks, bye", "תודה, ביי"])
def test_a_plain_goodbye_declines_nothing(text: str) -> None:
    found = read_goodbye(text)
    assert found is not None
    assert not found.declines


@pytest.mark.parametrize("text", ["", "   ", "\u200f", "ok " * 2_000, "bye " * 2_000, "." * 4_000])
def test_odd_texts_are_read_without_fuss(text: str) -> None:
    assert not wants_human(text)
    assert read_goodbye(text) is None
