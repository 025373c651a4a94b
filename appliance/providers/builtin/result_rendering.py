"""Tool results as a short friendly text.

Owns choosing the sentence and the fields worth showing; single values are left to
``result_values``. Whatever a tool returns is data: it is shown, never obeyed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.domain.message import CHANGED_CALL, LAPSED_CALL, WITHDRAWN_CALL
from appliance.domain.tool_failures import read_failure_text, says_undone
from appliance.providers.builtin.answers import join_paragraphs
from appliance.providers.builtin.phrasebook import Phrasebook
from appliance.providers.builtin.result_sentences import tell_result
from appliance.providers.builtin.result_values import (
    PRICE_KEYS,
    is_currency,
    is_object_list,
    render_amount,
    render_inline,
    tells,
)
from appliance.wording import find_role, name_parameter

MAX_TEXT_LENGTH = 2_000
_MAX_ITEMS = 5
_MAX_FIELDS = 8
_SENTENCE_KEYS = ("message", "text", "answer", "summary", "reply", "description")
_WRAPPER_KEYS = ("data", "result", "results", "items", "output", "records", "rows")
_TITLE_KEYS = ("name", "title", "label", "product", "product_name", "id")
_PLUMBING_KEY = re.compile(
    r"^(?:success|ok|is_success|code|http_status|status_code|error|errors|request_id|trace_id|meta|"
    r"timestamp|uuid|guid|sku|.*_sku|count|total_count|page|limit|offset|has_more|next_cursor|"
    r"_.*|.*_id|.*Id)$"
)
_BOOKKEEPING_KEY = re.compile(
    r"^(?:id|.*_count|.*Count|(?:created|updated|modified|placed|ordered|issued|checked|generated|processed)"
    r"(?:_(?:at|on|time|date)|At|On))$"
)
"""Fields that say nothing to a visitor who has already been told a sentence."""
_STATE_KEY = re.compile(r"^(?:status|state|outcome)$", re.I)
_PLAIN_SUCCESS = frozenset(
    {"ok", "success", "succeeded", "done", "confirmed", "created", "booked", "completed", "found"}
)

_PLAIN_FAILURE = frozenset(
    {"error", "failed", "failure", "refused", "rejected", "declined", "denied", "not_found"}
)
_REFUSALS = {
    WITHDRAWN_CALL: "result_withdrawn",
    CHANGED_CALL: "result_lapsed",
    LAPSED_CALL: "result_lapsed",
}


def render_result(
    content: str, book: Phrasebook, *, is_write: bool = False, words: JsonObject | None = None
) -> str:
    """Return a tool's result, JSON or text, as Markdown in the frame language of ``book``.

    One that has changed something says so, and that it has not where its own flags tell. ``words``
    are those that the tool brings for its results.
    """
    value = parse_content(content)
    told = tell_result(_unwrap(value), words, book) if words else None
    return told or render_value(value, book, is_write=is_write)


def tell_failure(content: str, book: Phrasebook, offer: str) -> str:
    """Return what a visitor reads of a call without a result, with the ``offer`` of a person.

    What the shop's system says to people stands in the place of our own sentence.
    """
    if content in _REFUSALS:
        return book.say(_REFUSALS[content])
    kind, said = read_failure_text(content)
    return join_paragraphs(said or book.say(f"result_{kind or 'not_carried_out'}"), offer)


def reports_failure(content: str) -> bool:
    """Say whether a result tells by its own flag that nothing was done."""
    value = _unwrap(parse_content(content))
    return says_undone(value)


def find_asked(content: str, words: JsonObject) -> str | None:
    """Return the parameter that a refused result asks for anew, by the tool's own words."""
    value, asks = _unwrap(parse_content(content)), words.get("asks")
    code = value.get("error") if isinstance(value, Mapping) else None
    asked = asks.get(code) if isinstance(asks, Mapping) and isinstance(code, str) else None
    return asked if isinstance(asked, str) else None


def parse_content(content: str) -> JsonValue:
    """Return a tool message's content as JSON where it is JSON, else the text itself."""
    text = content.strip()
    if text[:1] in '{["' or text in ("true", "false", "null") or re.fullmatch(r"-?\d[\d.]*", text):
        try:
            return msgspec.json.decode(text.encode(errors="replace"))
        except (msgspec.DecodeError, RecursionError):
            return text
    return text


def render_value(value: JsonValue, book: Phrasebook, *, is_write: bool = False) -> str:
    """Return any JSON value as Markdown."""
    value = _unwrap(value)
    if is_write and isinstance(value, bool):
        return book.say("result_done" if value else "result_not_done")
    if value is None or value in ("", [], {}) or (is_write and _is_plain_success(value)):
        is_search = isinstance(value, list) and not is_write
        return book.say("result_empty" if is_search else "result_done")
    if isinstance(value, Mapping):
        return _render_object(value, book, is_write=is_write)
    if isinstance(value, str):
        text = value.strip()
        return text if len(text) <= MAX_TEXT_LENGTH else text[: MAX_TEXT_LENGTH - 1] + "…"
    heading = book.say("result_written" if is_write else "result_found")
    if isinstance(value, Sequence):
        return "\n".join([heading, "", *_items(value, book)])
    return f"{heading} {render_inline(value, book)}"


def _is_plain_success(value: JsonValue) -> bool:
    return isinstance(value, str) and value.strip(" .!").casefold() in _PLAIN_SUCCESS


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


def _render_object(value: Mapping[str, JsonValue], book: Phrasebook, *, is_write: bool) -> str:
    sentence_key = next(
        (k for k in _SENTENCE_KEYS if isinstance(value.get(k), str) and str(value[k]).strip()), None
    )
    if sentence_key is not None:
        sentence = str(value[sentence_key]).strip()[:MAX_TEXT_LENGTH]
        rest = {key: part for key, part in value.items() if key != sentence_key}
        lines = _unsaid(rest, sentence, book)
        return "\n".join([sentence, "", *lines]) if lines else sentence
    if says_undone(value) or (is_write and _is_undone(value)):
        return book.say("result_not_done")
    fields = _telling_fields(value)
    if is_write:
        fields = [pair for pair in fields if pair[0] == "id" or not _is_idle(*pair)]
        if len(fields) == 1 and isinstance(fields[0][1], Mapping):
            return _render_object(fields[0][1], book, is_write=True)
    lines = []
    for key, part in fields:
        if is_object_list(part):
            lines.extend([f"- **{_label(key, book)}:**", *_nested(_items(part, book))])
        else:
            lines.append(f"- **{_label(key, book)}:** {_field(key, part, value, book)}")
    if not lines:
        return book.say("result_done")
    heading = book.say("result_written" if is_write else "result_found")
    return "\n".join([heading, "", *lines[: _MAX_FIELDS + _MAX_ITEMS + 1]])


def _unsaid(value: Mapping[str, JsonValue], sentence: str, book: Phrasebook) -> list[str]:
    """Return as lines what a visitor would miss beside ``sentence``, often nothing."""
    has_failed = says_undone(value)
    lines: list[str] = []
    for key, part in _telling_fields(value):
        if is_object_list(part):
            names = [_title_of(item) for item in part]
            if not all(name and tells(sentence, name, book) for name in names):
                listed = _items(part, book, is_brief=True)
                lines.extend([f"- **{_label(key, book)}:**", *_nested(listed)])
        elif isinstance(part, Mapping):
            if not has_failed:
                lines.extend(_unsaid(part, sentence, book))
        elif not (_is_idle(key, part) or tells(sentence, part, book)):
            if has_failed and not isinstance(part, list):
                continue  # a list may be of what is possible instead
            lines.append(f"- **{_label(key, book)}:** {_field(key, part, value, book)}")
    return lines[: _MAX_FIELDS + _MAX_ITEMS + 1]


def _is_idle(key: str, part: JsonValue) -> bool:
    """Say whether a field adds nothing to a sentence: one of a thing, a yes or no, "done"."""
    is_one = part == 1 and find_role(key) in ("people", "quantity")
    if is_one or isinstance(part, bool) or _BOOKKEEPING_KEY.match(key):
        return True
    return bool(_STATE_KEY.match(key)) and str(part).casefold() in _PLAIN_SUCCESS


def _label(key: str, book: Phrasebook) -> str:
    return name_parameter(key, None, book.language)


def _nested(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _is_undone(value: Mapping[str, JsonValue]) -> bool:
    """Say whether the result of a write tells that nothing came of it, without such a flag."""
    state = next((part for key, part in value.items() if _STATE_KEY.match(str(key))), None)
    return bool(value.get("error")) or str(state).strip().casefold() in _PLAIN_FAILURE


def _telling_fields(value: Mapping[str, JsonValue]) -> list[tuple[str, JsonValue]]:
    fields = [
        (str(key), part)
        for key, part in value.items()
        if not _PLUMBING_KEY.match(str(key)) and part not in (None, "", [], {})
    ]
    has_amount = any(PRICE_KEYS.search(key) for key, _ in fields)
    if has_amount:
        fields = [pair for pair in fields if not (pair[0] == "currency" and is_currency(pair[1]))]
    return fields[:_MAX_FIELDS]


def _field(key: str, part: JsonValue, owner: Mapping[str, JsonValue], book: Phrasebook) -> str:
    return render_amount(part, owner, book) if PRICE_KEYS.search(key) else render_inline(part, book)


def _title_of(item: Mapping[str, JsonValue]) -> str:
    key = _title_key(item)
    return "" if key is None else str(item[key])


def _title_key(item: Mapping[str, JsonValue]) -> str | None:
    return next((key for key in _TITLE_KEYS if item.get(key) not in (None, "")), None)


def _items(items: Sequence[JsonValue], book: Phrasebook, *, is_brief: bool = False) -> list[str]:
    lines = [f"- {_item(item, book, is_brief=is_brief)}" for item in items[:_MAX_ITEMS]]
    if len(items) > _MAX_ITEMS:
        lines.append(book.say("result_more", count=len(items) - _MAX_ITEMS))
    return lines


def _item(item: JsonValue, book: Phrasebook, *, is_brief: bool) -> str:
    if not isinstance(item, Mapping):
        return render_inline(item, book)
    title_key = _title_key(item)
    rest = [pair for pair in _telling_fields(item) if pair[0] != title_key]
    if title_key is None:
        return ", ".join(_detail(key, part, item, book) for key, part in rest[:5]) or "–"
    title = f"**{render_inline(item[title_key], book)}**"
    if is_brief:
        details = ", ".join(
            _field(key, part, item, book) for key, part in rest if PRICE_KEYS.search(key)
        )
    else:
        details = ", ".join(_detail(key, part, item, book) for key, part in rest[:5])
    return f"{title} – {details}" if details else title


def _detail(key: str, part: JsonValue, owner: Mapping[str, JsonValue], book: Phrasebook) -> str:
    return f"{_label(key, book)}: {_field(key, part, owner, book)}"
