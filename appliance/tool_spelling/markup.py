"""Calls whose parameters stand in tags instead of JSON.

Owns the tags in which models wrap calls and parameters; objects are left to ``call_shapes``.
"""

from __future__ import annotations

import re

from msgspec import Struct

from appliance.domain.json_types import JsonObject
from appliance.tool_spelling.lenient_json import Word
from appliance.tool_spelling.tool_names import KnownTools

MAX_WRAPPERS = 8
WRAPPER = re.compile(
    r"\s*(?:"
    r"<\s*(?:tool_?calls?|tool_use|tool_code|tools?|function_?calls?|start_function_call)\s*>"
    r"|<(?:function|tool|invoke|tool_call)(?:\s+name)?\s*=\s*[\"']?(?P<tag>[\w.:-]+)[\"']?\s*>"
    r"|<(?:tool_name|name)>\s*(?P<inner>[\w.-]+)\s*</(?:tool_name|name)>"
    r"|<\|(?:start|channel|constrain|message|plugin|action_start|python_tag|tool[\w]*)\|>"
    r"|<｜tool[^<>｜]{1,40}｜>"
    r"|\[/?tool_calls?\]|\[args\]|\[call_id\][\w-]*"
    r"|(?:assistant|commentary|analysis)?\s*to=(?:functions\.)?(?P<channel>[\w.-]+)"
    r"|(?:assistant|commentary|analysis|json|function|code)\s*(?=<[|｜])"
    r"|<(?:arguments|parameters|args|params|tool_input|function_parameters)>(?=\s*[{<])"
    r"|`{1,3}(?:json|python|tool_code|tool_call|xml|[\w-]*)\s"
    r"|`(?=[{\[\w])"
    r"|call:(?=\w)"
    r")\s*",
    re.IGNORECASE,
)
"""What stands around a call; some name the tool."""
CLOSER = re.compile(
    r"\s*(?:</\s*[\w:.-]+\s*>|<end_function_call>|</?s>|\[/tool_calls?\]|[}\])]+|;"
    r"|<[|｜](?:/[^<>|｜]*|[^<>|｜]*(?:end|eot|eom)[^<>|｜]*|call|return)[|｜]>"
    r"|`{1,3}(?![`\w]))",
    re.IGNORECASE,
)
"""What closes a call, or closes more than was open."""
PARAMETER = re.compile(
    r"\s*<(?:parameter|param|arg)(?:\s+name)?\s*=\s*[\"']?(?P<name>[\w.-]+)[\"']?[^<>\n]*>"
    r"|\s*<arg_key>\s*(?P<key>[\w.-]+)\s*</arg_key>\s*<arg_value>"
    r"|\s*<(?P<tag>[A-Za-z_][\w.-]*)>",
    re.IGNORECASE,
)
PARAMETER_END = re.compile(r"</|<(?:parameter|param|arg)\b|<arg_key>", re.IGNORECASE)
OWN_TAG = re.compile(r"\s*<([A-Za-z_][\w.-]*)\s*/?>")
END_TAG = re.compile(r"</\s*[\w:.-]*\s*>?")
CUT_TAG = re.compile(r"[<\[][^<>\[\]\n]{0,80}\Z")
RESULT_TAG = re.compile(r"<(?:tool_(?:result|response|output|results)|function_results?)\b", re.I)


class Wrapped(Struct, frozen=True):
    """Where the call inside its wrappers begins, the tool they name, and if they are no fence."""

    end: int
    name: str | None
    is_marked: bool


class TaggedParameters(Struct, frozen=True):
    """Parameters by name, where the text behind them begins, and whether the last one ends."""

    values: JsonObject
    end: int
    is_cut: bool


def skip_wrappers(text: str, at: int) -> Wrapped:
    """Skip the tags, control tokens and fences at ``at``."""
    name = None
    is_marked = False
    for _ in range(MAX_WRAPPERS):
        found = WRAPPER.match(text, at)
        if found is None:
            break
        name = found["tag"] or found["inner"] or found["channel"] or name
        is_marked = is_marked or not found[0].lstrip().startswith("`")
        at = found.end()
    return Wrapped(at, name, is_marked)


def skip_closers(text: str, at: int) -> int:
    """Return where the text behind the closing tags and brackets at ``at`` goes on."""
    while found := CLOSER.match(text, at):
        at = found.end()
    return at


def read_parameters(text: str, at: int) -> TaggedParameters | None:
    """Read ``<parameter name="…">…</parameter>`` and its relatives; ``None`` if there are none."""
    values: JsonObject = {}
    while opening := PARAMETER.match(text, at):
        name = opening["name"] or opening["key"] or opening["tag"]
        stop = PARAMETER_END.search(text, opening.end())
        if stop is None:
            return TaggedParameters(values, len(text), is_cut=True)
        values[name] = Word(text[opening.end() : stop.start()].strip())
        closing = END_TAG.match(text, stop.start())
        at = closing.end() if closing else stop.start()
    return TaggedParameters(values, at, is_cut=False) if values else None


def names_tool(text: str, at: int, tools: KnownTools) -> tuple[str, int] | None:
    """Return the known tool whose own tag opens at ``at``, as in ``<get_order_status>``."""
    tag = OWN_TAG.match(text, at)
    return (tag[1], tag.end()) if tag and tools.find(tag[1]) else None
