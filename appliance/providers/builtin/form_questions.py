"""What a form says: its next question, what it noted, why a value does not do.

Owns the wording around a tool's own titles, which stay as the operator wrote them, and never shows
a description; the course of the form is left to ``form_dialogue``.
"""

from __future__ import annotations

from collections.abc import Iterable

from appliance.domain.json_types import JsonValue
from appliance.providers.builtin.answers import Form, pick_quick_replies
from appliance.providers.builtin.number_roles import counts_people
from appliance.providers.builtin.phrasebook import Phrasebook
from appliance.providers.builtin.result_values import render_inline
from appliance.providers.builtin.slot_checks import Objection
from appliance.providers.builtin.slots import Slot
from appliance.wording import find_role, load_words

_LONGEST_EXAMPLE = 60
_BY_KIND = ("date", "time", "datetime", "phone", "email", "person_name", "boolean", "choice")
_BY_ROLE = (
    "date", "time", "datetime", "name", "phone", "email", "people", "order_number", "quantity",
    "address", "product",
)  # fmt: skip
"""Common meanings whose question says it all, so that the parameter's own name is left out."""


def ask_for(slot: Slot, form: Form, book: Phrasebook) -> str:
    """Return the question for a slot in the language of ``book``."""
    label = slot.name_in(book.language)
    if slot.kind == "datetime" and slot.key in form.partial:
        return book.say("ask_datetime_time")
    role = _role_of(slot)
    if label.endswith("?"):
        question = label
    elif slot.kind == "choice":
        told = "\n".join(f"- {choice.label}" for choice in slot.choices[:12])
        question = f"{book.say('ask_choice', label=label)}\n\n{told}"
    elif role is not None:
        question = book.say(f"ask_{role}")
    elif slot.kind in _BY_KIND:
        question = book.say(f"ask_{slot.kind}_for", label=label)
    else:
        question = book.say("ask_number" if slot.kind == "number" else "ask_please", label=label)
    example = _example_for(slot, book)
    return f"{question} {book.say('ask_example', example=example)}" if example else question


def _role_of(slot: Slot) -> str | None:
    """Return the common meaning to ask by, where the slot's kind agrees with it."""
    if slot.kind in ("boolean", "choice"):
        return None
    if slot.kind == "number" and counts_people(slot):
        return "people"
    role = next((role for role in map(find_role, slot.names) if role in _BY_ROLE), None)
    return None if role == "name" and slot.kind != "person_name" else role


def _example_for(slot: Slot, book: Phrasebook) -> str:
    """Return an example worth showing: of a code, or of words that the visitor can read."""
    example = slot.example
    if slot.kind not in ("code", "text") or len(example) > _LONGEST_EXAMPLE:
        return ""
    return example if slot.kind == "code" or load_words(book.language).can_read(example) else ""


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
        f"{slot.name_in(book.language)}: {render_inline(_shown(slot, values[slot.key]), book)}"
        for slot in slots
        if slot.key in values
    ]
    return book.say("form_noted", values="; ".join(parts)) if parts else ""


def _shown(slot: Slot, value: JsonValue) -> JsonValue:
    return next((choice.label for choice in slot.choices if choice.value == value), value)


_NOTHING_FOUND = {
    "date": "invalid_date", "time": "invalid_time", "datetime": "invalid_datetime",
    "number": "invalid_number", "email": "invalid_email", "phone": "invalid_phone",
    "url": "invalid_url", "boolean": "invalid_boolean", "person_name": "invalid_person_name",
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
