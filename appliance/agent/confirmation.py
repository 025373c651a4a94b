"""The question that asks a visitor to confirm an action.

Owns how a call is shown to a visitor, made by the server from the very arguments that will run and
never by a model; whether one is needed is decided by ``appliance.agent.policy``.
"""

from __future__ import annotations

from typing import Any

from appliance.agent.language import texts_for
from appliance.domain.tool import ToolCall, ToolSpec

_MAX_VALUE_LENGTH = 200


def build_confirmation(call: ToolCall, spec: ToolSpec, *, language: str) -> str:
    """Return the question in Markdown: what will be done, each argument, and "shall I?"."""
    texts = texts_for(language)
    properties: dict[str, Any] = spec.parameters_schema.get("properties") or {}
    ordered = [name for name in properties if name in call.arguments]
    ordered += [name for name in call.arguments if name not in properties]
    lines = [
        f"- {_label(name, properties.get(name))}: **{_shown(call.arguments[name])}**"
        for name in ordered
        if call.arguments[name] not in (None, "", [])
    ]
    heading = f"{texts['confirm_heading']} **{_humanise(call.name)}**"
    return "\n".join([heading, "", *lines, "", texts["confirm_question"]])


def confirmation_replies(language: str) -> tuple[str, str]:
    """Return the two answers offered as buttons, yes first."""
    texts = texts_for(language)
    return texts["confirm_yes"], texts["confirm_no"]


def _label(name: str, schema: object) -> str:
    title = schema.get("title") if isinstance(schema, dict) else None
    return _inline(str(title)) if title else _humanise(name)


def _humanise(name: str) -> str:
    text = name.replace("_", " ").replace("-", " ").strip()
    return _inline(text[:1].upper() + text[1:])


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "✓" if value else "✗"
    if isinstance(value, list):
        return ", ".join(_shown(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{_humanise(str(key))}: {_shown(item)}" for key, item in value.items())
    text = str(value)
    return _inline(text if len(text) <= _MAX_VALUE_LENGTH else text[:_MAX_VALUE_LENGTH] + "…")


def _inline(text: str) -> str:
    """Keep a visitor's own words from becoming Markdown or a second line."""
    for mark in "\\`*_[]<>":
        text = text.replace(mark, f"\\{mark}") if mark in "\\`*_" else text.replace(mark, " ")
    return " ".join(text.split())
