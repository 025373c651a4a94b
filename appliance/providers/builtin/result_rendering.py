"""Tool results as a short friendly text.

Owns choosing the sentence and the fields worth showing; single values are left to
``result_values``. Whatever a tool returns is data: it is shown, never obeyed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.providers.builtin.phrasebook import Phrasebook
from appliance.providers.builtin.result_values import is_currency, render_inline
from appliance.providers.builtin.slots import humanise

MAX_TEXT_LENGTH = 2_000
_MAX_ITEMS = 5
_MAX_FIELDS = 8
_SENTENCE_KEYS = ("message", "text", "answer", "summary", "reply", "description")
_WRAPPER_KEYS = ("data", "result", "results", "items", "output", "records", "rows")
_TITLE_KEYS = ("name", "title", "label", "product", "product_name", "id")
_PRICE_KEYS = re.compile(r"(?:^|_)(?:price|cost|total|amount|fee)$", re.I)
_PLUMBING_KEY = re.compile(
    r"^(?:success|ok|is_success|code|http_status|status_code|error|errors|request_id|trace_id|meta|"
    r"timestamp|uuid|count|total_count|page|limit|offset|has_more|next_cursor|_.*|.*_id|.*Id)$"
)


def render_result(content: str, book: Phrasebook) -> str:
    """Return a tool's result, JSON or text, as Markdown in the frame language of ``book``."""
    value = parse_content(content)
    return render_value(value, book)


def parse_content(content: str) -> JsonValue:
    """Return a tool message's content as JSON where it is JSON, else the text itself."""
    text = content.strip()
    if text[:1] in '{["' or text in ("true", "false", "null") or re.fullmatch(r"-?\d[\d.]*", text):
        try:
            return msgspec.json.decode(text.encode(errors="replace"))
        except (msgspec.DecodeError, RecursionError):
            return text
    return text


def render_value(value: JsonValue, book: Phrasebook) -> str:
    """Return any JSON value as Markdown."""
    value = _unwrap(value)
    if value is None or value in ("", [], {}):
        return book.say("result_empty" if isinstance(value, list) else "result_done")
    if isinstance(value, Mapping):
        return _render_object(value, book)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "\n".join([book.say("result_found"), "", *_items(value, book)])
    if isinstance(value, str):
        text = value.strip()
        return text if len(text) <= MAX_TEXT_LENGTH else text[: MAX_TEXT_LENGTH - 1] + "…"
    return f"{book.say('result_found')} {render_inline(value, book)}"


def _unwrap(value: JsonValue) -> JsonValue:
    """Return what is inside of lists of one object and of objects that only wrap."""
    for _ in range(4):
        if isinstance(value, list) and len(value) == 1 and isinstance(value[0], Mapping):
            value = value[0]
            continue
        if not isinstance(value, Mapping):
            break
        telling = {k: v for k, v in value.items() if not _PLUMBING_KEY.match(str(k))}
        inner = next((key for key in _WRAPPER_KEYS if key in telling), None)
        if inner is None or len(telling) != 1:
            break
        value = telling[inner]
    return value


def _render_object(value: Mapping[str, JsonValue], book: Phrasebook) -> str:
    sentence_key = next(
        (k for k in _SENTENCE_KEYS if isinstance(value.get(k), str) and value[k].strip()), None
    )
    sentence = str(value[sentence_key]).strip()[:MAX_TEXT_LENGTH] if sentence_key else ""
    lines: list[str] = []
    for key, part in _telling_fields(value):
        if key == sentence_key:
            continue
        if isinstance(part, list) and part and all(isinstance(item, Mapping) for item in part):
            lines.extend([f"- **{humanise(key)}:**", *(f"  {item}" for item in _items(part, book))])
        elif not (sentence and _is_said(part, sentence, book)):
            lines.append(f"- **{humanise(key)}:** {_field(key, part, value, book)}")
    lines = lines[: _MAX_FIELDS + _MAX_ITEMS + 1]
    if _has_failed(value):
        return sentence or book.say("result_not_done")
    if not sentence:
        sentence = book.say("result_found" if lines else "result_done")
    return "\n".join([sentence, "", *lines]) if lines else sentence


def _has_failed(value: Mapping[str, JsonValue]) -> bool:
    """Say whether a result reports by its own flag that nothing came of it."""
    return any(value.get(flag) is False for flag in ("success", "ok", "is_success"))


def _telling_fields(value: Mapping[str, JsonValue]) -> list[tuple[str, JsonValue]]:
    fields = [
        (str(key), part)
        for key, part in value.items()
        if not _PLUMBING_KEY.match(str(key)) and part not in (None, "", [], {})
    ]
    has_amount = any(_PRICE_KEYS.search(key) for key, _ in fields)
    if has_amount:
        fields = [pair for pair in fields if not (pair[0] == "currency" and is_currency(pair[1]))]
    return fields[:_MAX_FIELDS]


def _field(key: str, part: JsonValue, owner: Mapping[str, JsonValue], book: Phrasebook) -> str:
    text = render_inline(part, book)
    currency = owner.get("currency")
    is_amount = isinstance(part, int | float) and not isinstance(part, bool)
    if is_amount and _PRICE_KEYS.search(key):
        amount = f"{part:.2f}" if isinstance(part, float) else text
        return f"{amount} {currency}" if is_currency(currency) else amount
    return text


def _is_said(part: JsonValue, sentence: str, book: Phrasebook) -> bool:
    """Say whether the sentence already tells this field."""
    if isinstance(part, bool):
        return True  # a bare yes or no beside a sentence is the sentence's own news
    if isinstance(part, Mapping | list):
        return False
    lowered = sentence.casefold()
    forms = {str(part).casefold(), render_inline(part, book).casefold()}
    forms |= {form.replace("_", " ") for form in forms}
    return any(form in lowered for form in forms)


def _items(items: Sequence[JsonValue], book: Phrasebook) -> list[str]:
    lines = [f"- {_item(item, book)}" for item in items[:_MAX_ITEMS]]
    if len(items) > _MAX_ITEMS:
        lines.append(book.say("result_more", count=len(items) - _MAX_ITEMS))
    return lines


def _item(item: JsonValue, book: Phrasebook) -> str:
    if not isinstance(item, Mapping):
        return render_inline(item, book)
    title_key = next((key for key in _TITLE_KEYS if item.get(key) not in (None, "")), None)
    rest: JsonObject = dict(pair for pair in _telling_fields(item) if pair[0] != title_key)
    details = ", ".join(
        f"{humanise(key)}: {_field(key, part, item, book)}" for key, part in list(rest.items())[:5]
    )
    if title_key is None:
        return details or "–"
    title = f"**{render_inline(item[title_key], book)}**"
    return f"{title} – {details}" if details else title
