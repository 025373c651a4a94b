"""Noticing that an answer did not help the visitor on.

Owns the judgement of one round, in English and Hebrew; the phrases are data (``stuck.toml``). What
is done about several in a row is left to ``appliance.services.handover``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files

from appliance.agent.phrases import Phrases, Words, split_words
from appliance.domain.message import ChatMessage

_SAME_WORDS = 0.8
_LEAST_WORDS = 3
"""Shorter messages are often said twice without meaning the same: "yes", "two", "12345"."""
_LEAST_STATED_WORDS = 6
"""Shorter statements may answer one question after the other: "Yes, we do."."""


def is_failed_round(messages: Sequence[ChatMessage], answer: str) -> bool:
    """Say whether ``answer`` leaves the visitor where he was.

    It does when it admits that it does not help, when it repeats the question or the long answer
    before, and when the visitor has just said again what he said before.

    Args:
        messages: The conversation, oldest first, up to the visitor's message that was answered.
        answer: What he was told.
    """
    told = _words(answer)
    if not told or _load().are_in(told):
        return True
    said = [message for message in messages if message.role != "tool" and message.content]
    earlier = next((m.content for m in reversed(said[:-1]) if m.role == "assistant"), "")
    asks = "?" in answer + earlier
    if _is_same(told, _words(earlier), least=_LEAST_WORDS if asks else _LEAST_STATED_WORDS):
        return True
    asked = [_words(message.content) for message in said if message.role == "user"]
    return len(asked) > 1 and _is_same(asked[-1], asked[-2])


@lru_cache(maxsize=256)  # a conversation's texts are looked at again with each of its turns
def _words(text: str) -> Words:
    return tuple(word for word in split_words(text) if word[0].isalnum())


def _is_same(one: Words, other: Words, *, least: int = _LEAST_WORDS) -> bool:
    """Say whether two messages have nearly the same words."""
    first, second = set(one), set(other)
    if min(len(first), len(second)) < least:
        return False
    return len(first & second) >= _SAME_WORDS * len(first | second)


@lru_cache(maxsize=1)
def _load() -> Phrases:
    """Return what an answer says that does not help."""
    raw = files("appliance.agent").joinpath("stuck.toml").read_text(encoding="utf-8")
    return Phrases(" ".join(_words(phrase)) for phrase in tomllib.loads(raw)["no_help"])
