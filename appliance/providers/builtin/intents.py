"""What a message is besides a question or a request: a greeting, thanks, "never mind".

Owns deciding that a message is nothing but such a phrase; the phrases are data in ``texts/``.
"""

from __future__ import annotations

from appliance.providers.builtin.message import Message
from appliance.providers.builtin.words import is_hebrew

SMALL_TALK = ("goodbye", "thanks", "greeting")
"""Intents that a message may have beside a question, the telling ones first."""
_POLITE = tuple(f"intent.{name}" for name in (*SMALL_TALK, "request", "yes", "filler"))
_LEADS = tuple(
    f"intent.{name}"
    for name in ("greeting", "thanks", "pause", "filler", "correction", "follow_up")
)
"""What may stand before a question."""
_WAYS = tuple(
    f"~{name}"
    for name in (
        "phone", "email", "address", "website", "fax",
        "whatsapp", "instagram", "facebook", "tiktok",
    )
)  # fmt: skip
_AND = "ו"
_LONGEST_ASIDE = 3
_ABOUT_HOURS = ("~hours", "~business", "~availability", "~day_count", "~night")
"""Concepts that a question for opening hours may have."""


def leftover(message: Message, *intents: str) -> int:
    """Return how many words carry a topic outside the phrases of ``intents`` and politeness."""
    reading = message.reading
    known = reading.covered((*(f"intent.{name}" for name in intents), *_POLITE)) | reading.stop
    return len(reading.words) - len(known)


def has_other_words(message: Message) -> bool:
    """Say whether there is any word outside small talk, however common."""
    reading = message.reading
    known = reading.covered((*_POLITE, *(f"intent.{name}" for name in SMALL_TALK)))
    return len(reading.words) > len(known)


def find_small_talk(message: Message) -> str | None:
    """Return the small talk that a message consists of, or ``None``."""
    for intent in SMALL_TALK:
        if not message.reading.has(f"intent.{intent}"):
            continue
        is_alone = leftover(message, *SMALL_TALK) == 0
        if is_alone or (intent == "greeting" and _announces(message)):
            return None if _asks_something(message) else intent
    return None


def _announces(message: Message) -> bool:
    """Say whether behind a greeting there are only common words, as "I have a question"."""
    reading = message.reading
    known = reading.covered(tuple(f"intent.{name}" for name in SMALL_TALK)) | reading.stop
    is_about = any(match.name[0] == "~" for match in reading.matches)
    return not is_about and message.light.union(known).issuperset(range(len(reading.words)))


def _asks_something(message: Message) -> bool:
    """Say whether a known subject is named in stopwords, as in "hi, where are you?"."""
    names = {match.name for match in message.reading.matches}
    return "?" in message.reading.text and any(name[0] == "~" for name in names)


def wants_human(message: Message) -> bool:
    """Say whether the message asks for a person rather than for a thing."""
    return message.reading.has("intent.human") and leftover(message, "human") <= 1


def only_agrees(message: Message) -> bool:
    """Say whether the message is a yes and nothing else but politeness."""
    reading = message.reading
    has_yes = reading.has("intent.yes") and not reading.has("intent.no")
    return has_yes and len(reading.words) == len(reading.covered(("intent.yes", *_POLITE)))


def only_nods(message: Message) -> bool:
    """Say whether the message is a bare yes or no to nothing in particular."""
    reading = message.reading
    words = reading.covered(("intent.yes", "intent.no"))
    return 0 < len(reading.words) == len(words)


def asks_identity(message: Message) -> bool:
    """Say whether the message asks who or what is answering."""
    return message.reading.has("intent.identity") and leftover(message, "identity", "human") == 0


def asks_capabilities(message: Message) -> bool:
    """Say whether the message asks what can be done here."""
    return message.reading.has("intent.capabilities") and leftover(message, "capabilities") == 0


def cancels(message: Message) -> bool:
    """Say whether the message calls off what was going on."""
    return (
        message.reading.has("intent.cancel")
        and leftover(message, "cancel", "no", "correction") == 0
        and not message.mentions
        and not message.reading.has("intent.question")
    )


def calls_off(message: Message) -> bool:
    """Say whether the message is a no to what waits: "ok wait, don't do that"."""
    reading = message.reading
    is_no = reading.has("intent.no") or reading.has("intent.cancel")
    is_value = bool(message.mentions) or reading.has("cue.name")
    is_all = leftover(message, "cancel", "no", "pause") == 0
    return is_no and is_all and not is_value and not is_question(message)


def is_question(message: Message) -> bool:
    """Say whether the message asks rather than tells."""
    reading = message.reading
    if "?" in reading.text:
        return True
    led = reading.covered(_LEADS)
    start = next((i for i in range(len(reading.words)) if i not in led), 0)
    told = reading.covered(("intent.statement",))
    return any(
        match.first <= start + 1 or _follows_pause(message, match.first)
        for name in ("intent.question", "intent.permission", "intent.need")
        for match in reading.spans(name)
        if (name != "intent.need" or match.last > match.first)
        and not told.issuperset(range(match.first, match.last + 1))
    )


def _follows_pause(message: Message, position: int) -> bool:
    words = message.reading.words
    gap = message.reading.text[words[position - 1].end : words[position].start]
    return any(sign in gap for sign in ",.;!-")


def asks_leave(message: Message) -> bool:
    """Say whether the message asks if something may or must be done: "can I", "do I need"."""
    reading = message.reading
    if reading.has("intent.need") and is_question(message):
        return True
    return any(match.first == 0 for match in reading.spans("intent.permission"))


def is_request(message: Message) -> bool:
    """Say whether the message wants something done."""
    return message.reading.has("intent.request")


def is_plain_request(message: Message) -> bool:
    """Say whether the message wants something done and does not just ask if that is possible."""
    asked = message.reading.covered(("intent.permission", "intent.question"))
    is_asking = is_question(message)
    return any(
        match.first not in asked
        and (not is_asking or match.first == 0 or _follows_pause(message, match.first))
        for match in message.reading.spans("intent.request")
    )


def asks_contact(message: Message) -> bool:
    """Say whether the message asks how to reach the shop and nothing else."""
    reading = message.reading
    ways = reading.covered(_WAYS)
    known = ways | reading.covered(("~business", "~contact", *_POLITE)) | reading.stop
    return bool(ways) and (known | message.light | message.own).issuperset(
        range(len(reading.words))
    )


def asks_hours(message: Message) -> bool:
    """Say whether the message asks for opening hours and nothing else, maybe of a day or now."""
    reading = message.reading
    if not reading.has("intent.hours") or reading.has("intent.vacancy"):
        return False
    if any(match.name[0] == "~" and match.name not in _ABOUT_HOURS for match in reading.matches):
        return False
    known = reading.covered(("intent.hours", "intent.question", *_ABOUT_HOURS, *_POLITE))
    known |= reading.stop | message.light | message.value_words()
    return known.issuperset(range(len(reading.words)))


def follow_up_text(message: Message) -> str:
    """Return what "and rosemary?" or "ורוזמרין?" asks after, or an empty string."""
    reading = message.reading
    if not reading.words:
        return ""
    first = 0
    led = [match.last for match in reading.spans("intent.follow_up") if match.first == 0]
    if led:
        first = max(led) + 1
    elif not (is_hebrew(reading.words[0].folded) and reading.words[0].folded.startswith(_AND)):
        return ""
    if first >= len(reading.words) or len(reading.words) - first > _LONGEST_ASIDE:
        return ""
    text = reading.text[reading.words[first].start : reading.words[-1].end]
    return text if led else text.removeprefix(_AND)


def leads_on(message: Message) -> bool:
    """Say whether the message begins as one that goes on with what was asked: "and for three?"."""
    reading = message.reading
    is_marked = any(match.first == 0 for match in reading.spans("intent.follow_up"))
    first = reading.words[0].folded if reading.words else ""
    return is_marked or (is_hebrew(first) and first.startswith(_AND) and len(first) > 2)


def is_follow_up(message: Message) -> bool:
    """Say whether the message is only a value, maybe behind "and what about"."""
    reading = message.reading
    known = reading.covered(("intent.follow_up", *_POLITE)) | reading.stop | message.value_words()
    return len(reading.words) - len(known) <= _LONGEST_ASIDE - 2
