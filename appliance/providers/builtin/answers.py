"""What the provider answers, before it is streamed.

Owns the shape of an answer and of a form's state; making them is left to ``dialogue``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct, field

from appliance.domain.json_types import JsonObject
from appliance.domain.message import Citation

MAX_QUICK_REPLIES = 4
MAX_QUICK_REPLY_LENGTH = 60


FormStatus = Literal["asking", "called", "declined"]


class Form(Struct, frozen=True, kw_only=True):
    """A tool being filled in: what is known, what was asked last, and how often in vain.

    ``values`` are by slot key. ``partial`` holds the day of a moment whose time is still unknown.
    A ``called`` form has been handed over as a tool call, a ``declined`` one was not carried out
    and waits for what to change. ``parked`` is the form that this one came in between of.
    """

    tool: str
    values: JsonObject = field(default_factory=dict)
    partial: dict[str, str] = field(default_factory=dict)
    asked: str | None = None
    failures: int = 0
    status: FormStatus = "asking"
    parked: Form | None = None


class Answer(Struct, frozen=True, kw_only=True):
    """One answer: text, or a call of ``call_tool`` with ``arguments``, with what goes along.

    A text that asks for the next value of a form has as ``arguments`` those that are known.

    ``intent`` names what the message was taken for; it is part of the trace.
    """

    intent: str
    text: str = ""
    call_tool: str | None = None
    arguments: JsonObject = field(default_factory=dict)
    form: Form | None = None
    citations: tuple[Citation, ...] = ()
    quick_replies: tuple[str, ...] = ()


def pick_quick_replies(candidates: Iterable[str]) -> tuple[str, ...]:
    """Return the first few distinct candidates that are short enough for a button."""
    fitting = dict.fromkeys(
        text.strip() for text in candidates if 0 < len(text.strip()) <= MAX_QUICK_REPLY_LENGTH
    )
    return tuple(fitting)[:MAX_QUICK_REPLIES]


def join_paragraphs(*paragraphs: str) -> str:
    """Return the non-empty paragraphs with a blank line between them."""
    return "\n\n".join(part for part in paragraphs if part)
