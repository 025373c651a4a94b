"""The question that asks a visitor to confirm an action.

Owns how a call is shown to a visitor, made by the server from the very arguments that will run and
never by a model; whether one is needed is decided by ``appliance.agent.policy``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from appliance.agent.language import texts_for
from appliance.domain.invisible_letters import strip_invisible
from appliance.domain.tool import ToolCall, ToolSpec
from appliance.wording import load_words, name_parameter, name_tool, write_day

_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_ISO_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?")


def build_confirmation(
    call: ToolCall, spec: ToolSpec, *, language: str, is_done_before: bool = False
) -> str:
    """Return the question in Markdown: what will be done, each argument, and "shall I?".

    ``is_done_before``: the very same was done in this conversation, and would be done once more.
    """
    texts = texts_for(language)
    properties: dict[str, Any] = spec.parameters_schema.get("properties") or {}
    ordered = [name for name in properties if name in call.arguments]
    ordered += [name for name in call.arguments if name not in properties]
    lines = [
        _line(name, call.arguments[name], properties.get(name), language)
        for name in ordered
        if call.arguments[name] not in (None, "", [])
    ]
    action = _inline(name_tool(call.name, spec.parameters_schema, language))
    heading = f"{texts['confirm_heading']} **{action}**"
    question = texts["confirm_again" if is_done_before else "confirm_question"]
    return "\n".join([heading, "", *lines, "", question])


def confirmation_replies(language: str) -> tuple[str, str]:
    """Return the two answers offered as buttons, yes first."""
    texts = texts_for(language)
    return texts["confirm_yes"], texts["confirm_no"]


def _line(name: str, value: object, schema: object, language: str) -> str:
    label = _inline(name_parameter(name, schema, language))
    return f"- {label}: **{_shown(value, schema, language)}**"


def _shown(value: object, schema: object, language: str) -> str:
    if isinstance(value, bool):
        return "✓" if value else "✗"
    parts: Mapping[str, Any] = schema if isinstance(schema, Mapping) else {}
    if isinstance(value, list):
        return ", ".join(_shown(item, parts.get("items"), language) for item in value)
    if isinstance(value, dict):
        inner = parts.get("properties")
        schemas: Mapping[str, Any] = inner if isinstance(inner, Mapping) else {}
        return ", ".join(
            f"{_inline(name_parameter(str(key), schemas.get(key), language))}: "
            f"{_shown(item, schemas.get(key), language)}"
            for key, item in value.items()
        )
    return _inline(_moment(str(value), language) or str(value))


def _moment(text: str, language: str) -> str | None:
    """Return an ISO 8601 date, with or without a time, as the language writes it."""
    try:
        if _ISO_DATE.fullmatch(text):
            return write_day(date.fromisoformat(text), load_words(language))
        if _ISO_MOMENT.fullmatch(text):
            moment = datetime.fromisoformat(text)
            zone = " UTC" if text.endswith("Z") else ""
            return f"{write_day(moment.date(), load_words(language))}, {moment:%H:%M}{zone}"
    except ValueError:
        return None
    return None


def _inline(text: str) -> str:
    """Keep a visitor's own words from becoming Markdown, a second line or another order of signs.

    They are shown whole, for the visitor's yes is to all of them.
    """
    text = strip_invisible(text)
    for mark in "\\`*_[]<>":
        text = text.replace(mark, f"\\{mark}") if mark in "\\`*_" else text.replace(mark, " ")
    return " ".join(text.split())
