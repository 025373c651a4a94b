"""What a form says: its next question, what it noted, why a value does not do.

Owns the wording around a tool's own titles and descriptions, which stay as the operator wrote them;
the course of the form is left to ``form_dialogue``.
"""

from __future__ import annotations

from collections.abc import Iterable

from appliance.domain.json_types import JsonValue
from appliance.providers.builtin.answers import Form, pick_quick_replies
from appliance.providers.builtin.lexicon import read_text
from appliance.providers.builtin.phrasebook import Phrasebook
from appliance.providers.builtin.result_values import render_inline
from appliance.providers.builtin.slot_checks import Objection
from appliance.providers.builtin.slots import Slot

_LONGEST_HINT = 120
_BY_KIND = {
    "date": "ask_date", "time": "ask_time", "datetime": "ask_datetime", "phone": "ask_phone",
    "email": "ask_email", "person_name": "ask_person_name", "boolean": "ask_boolean",
    "choice": "ask_choice",
}  # fmt: skip


def ask_for(slot: Slot, form: Form, book: Phrasebook) -> str:
    """Return the question for a slot in the language of ``book``."""
    label = slot.label
    hint = slot.description if len(slot.description) <= _LONGEST_HINT else ""
    if slot.kind == "datetime" and slot.key in form.partial:
        return book.say("ask_datetime_time", label=label)
    if slot.kind in _BY_KIND:
        question = book.say(_BY_KIND[slot.kind], label=hint or label)
    elif hint and read_text(hint).has("intent.question"):
        question = hint if hint.endswith("?") else hint.rstrip(".") + "?"
    elif hint:
        question = book.say("ask_described", label=label, description=hint)
    elif slot.kind == "number":
        question = book.say("ask_number", label=label)
    else:
        question = book.say("ask_please", label=label)
    if slot.kind == "choice":
        question += "\n\n" + "\n".join(f"- {choice.label}" for choice in slot.choices[:12])
    return question


def offer_for(slot: Slot, book: Phrasebook) -> tuple[str, ...]:
    """Return the buttons for a slot: its choices, or yes and no."""
    if slot.kind == "choice":
        return pick_quick_replies(choice.label for choice in slot.choices)
    if slot.kind == "boolean":
        return (book.say("yes"), book.say("no"))
    return ()


def note(slots: Iterable[Slot], values: dict[str, JsonValue], book: Phrasebook) -> str:
    """Return a sentence that repeats the given values, or an empty string."""
    parts = [
        f"{slot.label}: {render_inline(_shown(slot, values[slot.key]), book)}"
        for slot in slots
        if slot.key in values
    ]
    return book.say("form_noted", values="; ".join(parts)) if parts else ""


def _shown(slot: Slot, value: JsonValue) -> JsonValue:
    return next((choice.label for choice in slot.choices if choice.value == value), value)


_NOTHING_FOUND = {
    "date": "invalid_date", "time": "invalid_time", "datetime": "invalid_datetime",
    "number": "invalid_number", "email": "invalid_email", "phone": "invalid_phone",
    "url": "invalid_url", "boolean": "invalid_boolean",
}  # fmt: skip


def nothing_found(slot: Slot) -> Objection:
    """Return why an answer in which there was no value for ``slot`` does not do."""
    if slot.kind == "choice":
        return Objection(
            "invalid_enum", {"choices": ", ".join(choice.label for choice in slot.choices[:8])}
        )
    if slot.kind == "code" and slot.example:
        return Objection("invalid_pattern_example", {"example": slot.example})
    return Objection(_NOTHING_FOUND.get(slot.kind, "invalid_missing"), {})
