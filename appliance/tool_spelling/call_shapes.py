"""The shapes in which models write a call as an object, and what they stand for.

Owns the keys and nestings; where in a text such an object stands is left to ``free_text``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.domain.tool import ToolCall
from appliance.tool_spelling.arguments import is_schema, natural_value, read_arguments
from appliance.tool_spelling.lenient_json import Word
from appliance.tool_spelling.tool_names import KnownTools, match_name, squeeze

NAME_KEYS = (
    "tool", "tool_name", "toolname", "function", "function_name", "action", "recipient_name",
    "tool_use", "call", "name",
)  # fmt: skip
ARGUMENT_KEYS = (
    "arguments", "parameters", "args", "params", "action_input", "tool_input", "kwargs", "input",
    "argument", "parameter", "tool_parameters", "tool_arguments",
)  # fmt: skip
NESTING_KEYS = (
    "function", "tool_calls", "tool_call", "function_call", "function_calls", "calls", "tool_uses",
    "tools", "actions", "tool", "call", "tool_use",
)  # fmt: skip
ASIDE_KEYS = (
    "id", "type", "call_id", "tool_call_id", "index", "thought", "thoughts", "reasoning", "role",
    "content", "status",
)  # fmt: skip
RESULT_KEYS = ("result", "tool_result", "observation", "output")
CALL_KEYS = frozenset(
    {*NAME_KEYS, *ARGUMENT_KEYS, *NESTING_KEYS, *ASIDE_KEYS, "reply"} - {"input", "status"}
)
"""First keys of an object that may be a call, or a reply in its place."""
NO_TOOL = frozenset({"finalanswer", "reply", "respond", "response", "answer", "none", "null", ""})
IDENTIFIER = re.compile(r"[^\W\d][\w.-]{0,63}")
PLACEHOLDER = re.compile(r"\.{3,}|…|<[^<>]*>|\{[^{}]*\}|\[[^\[\]]*\]")
MAX_NESTING = 4


class Meaning(Struct, frozen=True):
    """What an object or list says: calls, a reply in words, or results that a model made up."""

    calls: tuple[ToolCall, ...] = ()
    reply: str | None = None
    is_invented_result: bool = False


def build_call(name: str, arguments: JsonValue, tools: KnownTools) -> ToolCall | None:
    """Return the call of the tool that ``name`` means; ``None`` if ``arguments`` are no object.

    An unknown name stays as it was written: the agent refuses it and names the tools there are.
    """
    tool = tools.find(name)
    fitted = read_arguments(arguments, tool.parameters_schema if tool else {})
    if fitted is None or has_placeholder(fitted):
        return None
    return ToolCall(id="", name=tool.name if tool else str(name).strip(), arguments=fitted)


def read_meaning(
    value: JsonValue, tools: KnownTools, *, takes_unknown: bool, nesting: int = 0
) -> Meaning | None:
    """Return what ``value`` says, or ``None`` when it is just data.

    Args:
        value: What ``lenient_json`` read.
        tools: The tools of the request.
        takes_unknown: Whether a call of no known tool is a call too.
        nesting: How deeply the value was wrapped.
    """
    if nesting > MAX_NESTING:
        return None
    if isinstance(value, list):
        return _read_list(value, tools, takes_unknown=takes_unknown, nesting=nesting)
    if not isinstance(value, dict):
        return None
    keys = {key.lower().replace("-", "_").replace(" ", "_"): key for key in value}
    if _names_a_result(value, keys, tools):
        return Meaning(is_invented_result=True)
    return (
        _read_flat(value, keys, tools, takes_unknown=takes_unknown)
        or _read_reply(value, keys)
        or _read_nested(value, keys, tools, takes_unknown=takes_unknown, nesting=nesting)
        or _read_keyed_by_tool(value, tools)
    )


def is_beginning_of_call(value: JsonValue, tools: KnownTools) -> bool:
    """Say whether an object that was cut off would have become a call."""
    if isinstance(value, list):
        return any(is_beginning_of_call(member, tools) for member in value)
    if not isinstance(value, dict):
        return False
    names = [value[key] for key in NAME_KEYS if key in value]
    return (
        any(isinstance(name, str) and name and tools.may_begin(name) for name in names)
        or any(key in value for key in ARGUMENT_KEYS)
        or any(is_beginning_of_call(value.get(key), tools) for key in NESTING_KEYS)
    )


def has_placeholder(value: JsonValue) -> bool:
    """Say whether an example is shown instead of a call made: a value is ``…`` or ``<number>``."""
    if isinstance(value, dict):
        return any(has_placeholder(member) for member in value.values())
    if isinstance(value, list):
        return any(has_placeholder(member) for member in value)
    return isinstance(value, str) and bool(PLACEHOLDER.fullmatch(value.strip()))


def is_signature(value: JsonValue) -> bool:
    """Say whether a function is described instead of called: values are names without quotes."""
    members = value.values() if isinstance(value, dict) else value
    return any(
        isinstance(member, Word) and member[:1].isalpha() and natural_value(member) == member
        for member in members
    )


def _read_list(
    values: list[JsonValue], tools: KnownTools, *, takes_unknown: bool, nesting: int
) -> Meaning | None:
    calls: list[ToolCall] = []
    for value in values:
        meaning = read_meaning(value, tools, takes_unknown=takes_unknown, nesting=nesting + 1)
        if meaning is None or not meaning.calls:
            return None
        calls += meaning.calls
    return Meaning(tuple(calls)) if calls else None


def _names_a_result(value: JsonObject, keys: Mapping[str, str], tools: KnownTools) -> bool:
    if any(key in keys for key in ARGUMENT_KEYS) or not any(key in keys for key in RESULT_KEYS):
        return False
    names = [value[keys[key]] for key in NAME_KEYS if key in keys]
    return any(isinstance(name, str) and tools.find(name) for name in names)


def _read_flat(
    value: JsonObject, keys: Mapping[str, str], tools: KnownTools, *, takes_unknown: bool
) -> Meaning | None:
    """Read ``{"name": …, "arguments": …}`` in all its wordings."""
    names = [key for key in NAME_KEYS if key in keys and isinstance(value[keys[key]], str)]
    known = next((key for key in names if tools.find(value[keys[key]])), None)
    argument_key = next((key for key in ARGUMENT_KEYS if key in keys), None)
    if known is not None:
        return _read_known(value, keys, tools, name_key=known, argument_key=argument_key)
    if not takes_unknown or not names or argument_key is None or is_schema(value):
        return None
    name, arguments = value[keys[names[0]]], value[keys[argument_key]]
    rest_keys = {*keys} - {*NAME_KEYS, argument_key, *ASIDE_KEYS}
    if rest_keys or is_schema(arguments) or not IDENTIFIER.fullmatch(name.strip()):
        return None
    if squeeze(name) in NO_TOOL:
        return None
    call = build_call(name, arguments, tools)
    return Meaning((call,)) if call else None


def _read_known(
    value: JsonObject,
    keys: Mapping[str, str],
    tools: KnownTools,
    *,
    name_key: str,
    argument_key: str | None,
) -> Meaning | None:
    """Read a call of a known tool, its arguments nested or beside its name."""
    name = value[keys[name_key]]
    tool = tools.find(name)
    properties = (tool.parameters_schema.get("properties") if tool else None) or {}
    if argument_key is not None and argument_key not in properties:
        arguments = value[keys[argument_key]]
        if name_key == "name" and "description" in keys:
            return None
    else:
        asides = {keys[key] for key in ASIDE_KEYS if key in keys and keys[key] not in properties}
        left_out = {keys[name_key], *asides}
        arguments = {key: member for key, member in value.items() if key not in left_out}
        if any(match_name(key, properties) is None for key in arguments):
            return None
    call = None if is_schema(arguments) else build_call(name, arguments, tools)
    return Meaning((call,)) if call else None


def _read_reply(value: JsonObject, keys: Mapping[str, str]) -> Meaning | None:
    """Read words for the visitor in the place of a call: ``{"reply": …}``, a final answer."""
    if set(keys) <= {"reply", *ASIDE_KEYS, "tool"} and isinstance(value.get("reply"), str):
        return Meaning(reply=str(value["reply"]))
    name = value.get(keys.get("action", ""))
    said = value.get(keys.get("action_input", ""))
    if isinstance(name, str) and isinstance(said, str) and squeeze(name) in NO_TOOL:
        return Meaning(reply=str(said))
    return None


def _read_nested(
    value: JsonObject,
    keys: Mapping[str, str],
    tools: KnownTools,
    *,
    takes_unknown: bool,
    nesting: int,
) -> Meaning | None:
    """Read ``{"type": "function", "function": {…}}``, ``{"tool_calls": […]}`` and the like."""
    for key in NESTING_KEYS:
        inner = value.get(keys.get(key, ""))
        if isinstance(inner, dict | list):
            meaning = read_meaning(inner, tools, takes_unknown=takes_unknown, nesting=nesting + 1)
            if meaning is not None and meaning.calls:
                return meaning
    return None


def _read_keyed_by_tool(value: JsonObject, tools: KnownTools) -> Meaning | None:
    """Read ``{"get_order_status": {"order_number": …}}``."""
    if not value or not all(isinstance(member, dict) for member in value.values()):
        return None
    calls: list[ToolCall] = []
    for name, arguments in value.items():
        call = build_call(name, arguments, tools) if tools.find(name) else None
        if call is None or is_schema(arguments):
            return None
        calls.append(call)
    return Meaning(tuple(calls))
