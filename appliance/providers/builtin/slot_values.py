"""Values in the form a tool's schema wants them: dates, times, numbers, codes, choices.

Owns writing what was understood as JSON; which text a slot's value comes from is left to
``slot_filling``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import date, datetime, time, timedelta

from appliance.domain.json_types import JsonValue
from appliance.providers.builtin.lexicon import CONCEPT_MARK, Reading, read_text
from appliance.providers.builtin.mentions import Mention
from appliance.providers.builtin.message import Message
from appliance.providers.builtin.slots import Choice, Slot
from appliance.providers.builtin.times import format_time
from appliance.providers.builtin.words import stems

_DATE_FORMS = ("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y%m%d")
_LITERAL_START = re.compile(r"\^([A-Za-z]{1,4}[-/#_]?)(?=[\\[(])")
"""What every code of a pattern begins with, which visitors leave out: "R-" of ``^R-\\d{4}$``."""
_LETTERS = re.compile(r"(?<!\w)([A-Za-z]{1,4})[ -]$")
_MEANINGS = (CONCEPT_MARK, "value.")
_TIME_FORMS = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M%p", "%H%M")


def write_date(slot: Slot, day: date) -> str:
    """Return ``day`` as the slot's pattern or example has it, ISO 8601 otherwise."""
    moment = datetime.combine(day, time())
    return _fitting(slot, moment, _DATE_FORMS)


def write_time(slot: Slot, minutes: int) -> str:
    """Return minutes after midnight as the slot's pattern or example has it, else "19:00"."""
    moment = datetime(2000, 1, 1) + timedelta(minutes=minutes)  # noqa: DTZ001 - only the clock
    return _fitting(slot, moment, _TIME_FORMS)


def write_datetime(slot: Slot, day: date, minutes: int, now: datetime) -> str:
    """Return a moment in the shop's zone, RFC 3339 unless the slot's pattern wants less."""
    moment = datetime.combine(day, time(minutes // 60, minutes % 60), now.tzinfo)
    forms = [moment.isoformat(), f"{day.isoformat()}T{format_time(minutes)}"]
    forms.append(f"{day.isoformat()} {format_time(minutes)}")
    pattern = slot.pattern
    if pattern is None:
        return forms[0]
    return next((form for form in forms if pattern.search(form)), forms[0])


def _fitting(slot: Slot, moment: datetime, forms: Sequence[str]) -> str:
    written = [moment.strftime(form) for form in forms]
    pattern = slot.pattern
    if pattern is not None:
        return next((text for text in written if pattern.search(text)), written[0])
    if slot.example:
        shape = _shape(slot.example)
        return next((text for text in written if _shape(text) == shape), written[0])
    return written[0]


def _shape(text: str) -> str:
    return re.sub(r"[A-Za-z]", "a", re.sub(r"\d", "0", text))


def write_number(slot: Slot, value: float) -> JsonValue:
    """Return a number as the slot's type has it."""
    stated = slot.schema.get("type")
    types = stated if isinstance(stated, list) else [stated]
    if "integer" in types or "number" in types or slot.kind == "number":
        return int(value) if float(value).is_integer() else value
    return str(value)


def write_code(slot: Slot, text: str) -> JsonValue | None:
    """Return a code as the slot's pattern and type have it, or ``None`` when it cannot be one."""
    if slot.schema.get("type") == "integer":
        digits = re.sub(r"\D", "", text) if re.fullmatch(r"#?[\d\s-]+", text) else ""
        return int(digits) if digits and len(digits) < 19 else None
    pattern = slot.pattern
    if pattern is None:
        return text
    plain = re.sub(r"[\s-]", "", text).upper()
    parted = re.sub(r"(?<=[A-Z])(?=\d)", "-", plain, count=1)
    start = _LITERAL_START.match(pattern.pattern)
    whole = (start[1] + text,) if start else ()
    forms = (text, text.upper(), text.lower(), "#" + text, plain, parted, *whole)
    return next((form for form in forms if pattern.search(form)), None)


def spell_code(message: Message, code: Mention) -> str:
    """Return a code with the letters of it that were written apart: "ol 20455"."""
    before = _LETTERS.search(message.reading.text[: code.start])
    return before[1] + str(code.value) if before else str(code.value)


def find_choices(
    choices: Sequence[Choice], reading: Reading, denied: Collection[int] = ()
) -> list[Choice]:
    """Return the choices that a text names, those of more words first, those denied last."""
    refused = {form for i in denied for form in stems(reading.words[i].folded)}
    said = {key for i in range(len(reading.words)) for key, _ in reading.keys(i) if key[0] != "~"}
    found: list[tuple[int, Choice]] = []
    for choice in choices:
        for name in dict.fromkeys((choice.label, _in_words(str(choice.value)))):
            words = read_text(name).words
            if words and all(said.intersection(stems(word.folded)) for word in words):
                is_refused = any(refused.intersection(stems(word.folded)) for word in words)
                found.append((len(words) * (1 if is_refused else -1), choice))
                break
    if found:
        return [choice for _, choice in sorted(found, key=lambda pair: pair[0])]
    return _same_meaning(choices, reading)


def _same_meaning(choices: Sequence[Choice], reading: Reading) -> list[Choice]:
    """Return the one choice that is named in another language, or by another word for it."""
    said = {match.name for match in reading.matches if match.name.startswith(_MEANINGS)}
    meant = [choice for choice in choices if _means(read_text(_in_words(choice.label)), said)]
    return meant if len(meant) == 1 else []


def _means(label: Reading, said: Collection[str]) -> bool:
    """Say whether all the words of a label have a meaning that was said."""
    known = label.covered(m.name for m in label.matches if m.name in said)
    return 0 < len(label.words) == len(known)


def _in_words(label: str) -> str:
    return label.replace("_", " ")


def combine(
    slot: Slot, dates: Sequence[Mention], minutes: Sequence[int], now: datetime
) -> str | None:
    """Return the first date and the first time as one moment, or ``None`` when one is missing."""
    if not dates or not minutes:
        return None
    return write_datetime(slot, dates[0].value, minutes[0], now)
