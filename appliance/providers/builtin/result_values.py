"""JSON values as a visitor reads them: dates, times, money, lists, yes and no.

Owns writing one value on one line; whole tool results are left to ``result_rendering``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import TypeGuard

from appliance.domain.json_types import JsonValue
from appliance.providers.builtin.phrasebook import DEFAULT_LANGUAGE, Phrasebook
from appliance.wording import load_all, load_words, name_parameter, write_day

MAX_VALUE_LENGTH = 500
_MAX_PARTS = 8
_LARGEST_WRITTEN = 1e15
_MAX_DEPTH = 4
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_ISO_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?")
_CLOCK = re.compile(r"(\d{2}:\d{2}):00(?:\.0+)?")
PRICE_KEYS = re.compile(r"(?:^|_)(?:price|cost|total|amount|fee)$", re.I)
"""Names of fields that hold money."""
_CURRENCY = re.compile(r"[A-Z]{3}")


def render_inline(value: JsonValue, book: Phrasebook | None = None, *, depth: int = 0) -> str:
    """Return a JSON value on one line; dates and booleans in the language of ``book``."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return book.say("yes" if value else "no") if book else str(value).lower()
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, str):
        return _text(value, book)
    if isinstance(value, Mapping):
        return _mapping(value, book, depth)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return _sequence(value, book, depth)
    return str(value)[:MAX_VALUE_LENGTH]


def _number(value: float) -> str:
    if isinstance(value, int):
        return str(value) if value.bit_length() < 1_000 else "…"
    return f"{value:.2f}".rstrip("0").rstrip(".") if abs(value) < _LARGEST_WRITTEN else str(value)


def _text(value: str, book: Phrasebook | None) -> str:
    text = " ".join(value.split())
    if book is not None:
        text = _moment(text, book) or text
    return text if len(text) <= MAX_VALUE_LENGTH else text[: MAX_VALUE_LENGTH - 1] + "…"


def _moment(text: str, book: Phrasebook) -> str | None:
    words = load_words(book.language)
    try:
        if _ISO_DATE.fullmatch(text):
            return write_day(date.fromisoformat(text), words)
        if _ISO_MOMENT.fullmatch(text):
            moment = datetime.fromisoformat(text)
            return f"{write_day(moment.date(), words)}, {moment:%H:%M}"
        clock = _CLOCK.fullmatch(text)
        if clock:
            return time.fromisoformat(clock[1]).strftime("%H:%M")
    except ValueError:
        return None
    return None


def _mapping(value: Mapping[str, JsonValue], book: Phrasebook | None, depth: int) -> str:
    amount, currency = value.get("amount"), value.get("currency")
    if isinstance(amount, int | float | str) and isinstance(currency, str):
        return f"{render_inline(amount)} {currency}"
    if depth >= _MAX_DEPTH:
        return "…"
    parts = [
        f"{_key(str(key), book)}: {render_inline(part, book, depth=depth + 1)}"
        for key, part in list(value.items())[:_MAX_PARTS]
    ]
    return ", ".join([*parts, "…"] if len(value) > _MAX_PARTS else parts) or "–"


def _key(name: str, book: Phrasebook | None) -> str:
    return name_parameter(name, None, book.language if book else DEFAULT_LANGUAGE)


def _sequence(value: Sequence[JsonValue], book: Phrasebook | None, depth: int) -> str:
    if depth >= _MAX_DEPTH:
        return "…"
    parts = [render_inline(part, book, depth=depth + 1) for part in value[:_MAX_PARTS]]
    return ", ".join([*parts, "…"] if len(value) > _MAX_PARTS else parts) or "–"


def render_amount(part: JsonValue, owner: Mapping[str, JsonValue], book: Phrasebook) -> str:
    """Return an amount of money with the currency that ``owner`` names."""
    text = render_inline(part, book)
    currency = owner.get("currency")
    if isinstance(part, bool) or not isinstance(part, int | float):
        return text
    amount = f"{part:.2f}" if isinstance(part, float) else text
    return f"{amount} {currency}" if is_currency(currency) else amount


def is_object_list(part: JsonValue) -> TypeGuard[list[Mapping[str, JsonValue]]]:
    """Say whether a value is a list of objects and not empty."""
    return isinstance(part, list) and bool(part) and all(isinstance(i, Mapping) for i in part)


def is_currency(value: JsonValue) -> bool:
    """Say whether ``value`` is a currency code such as "EUR"."""
    return isinstance(value, str) and _CURRENCY.fullmatch(value) is not None


def tells(sentence: str, value: JsonValue, book: Phrasebook) -> bool:
    """Say whether ``sentence`` already has ``value``, however the two write it."""
    lowered = sentence.casefold()
    if isinstance(value, bool | Mapping) or value is None:
        return False
    if isinstance(value, int | float):
        forms = {_number(value), f"{value:.2f}" if abs(value) < _LARGEST_WRITTEN else ""}
        return any(
            re.search(rf"(?<![\d.]){re.escape(form)}(?![\d])", lowered) for form in forms if form
        )
    if isinstance(value, str):
        text = value.casefold().strip()
        return text.replace("_", " ") in lowered or text in lowered or _tells_moment(lowered, text)
    return all(tells(sentence, part, book) for part in value)


def _tells_moment(lowered: str, text: str) -> bool:
    """Say whether a text has the day, month and clock of an ISO 8601 moment, in any language."""
    if not (_ISO_DATE.fullmatch(text) or _ISO_MOMENT.fullmatch(text.upper())):
        return False
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        return False
    months = {words.month_names[moment.month - 1].casefold() for words in load_all().values()}
    has_month = any(month in lowered for month in months)
    numeric = rf"\b0?{moment.day}[./-]0?{moment.month}\b|\b0?{moment.month}[./-]0?{moment.day}\b"
    has_day = re.search(rf"(?<!\d){moment.day}(?!\d)", lowered) is not None
    is_day_told = (has_month and has_day) or re.search(numeric, lowered) is not None
    return is_day_told and (len(text) <= len("2025-05-07") or f"{moment:%H:%M}" in lowered)
