"""Where in a text a call may begin.

Owns the judgement of the first few characters: they begin a call, do not, or may still. Reading the
call is left to ``free_text``.
"""

from __future__ import annotations

import re
from enum import Enum

from appliance.tool_spelling.call_shapes import CALL_KEYS
from appliance.tool_spelling.lenient_json import QUOTES
from appliance.tool_spelling.tool_names import KnownTools, squeeze

MAX_LOOKAHEAD = 240

MARKERS = (
    "<tool", "<function", "<invoke", "<|python_tag|>", "<|tool", "<|action_start|>", "<|channel|>",
    "<|start|>", "<｜tool", "<start_function_call", "[tool_call", "[/tool_call",
)  # fmt: skip
"""How the markup begins in which models are trained to wrap calls, in lower case."""
CANDIDATE = re.compile(
    r"<(?=[\w|｜]|\Z)"
    r"|\[(?=[\s{\w/]|\Z)"
    r"|(?<!\{)\{"
    r"|(?<!`)`"
    r"|(?<=\n)[^\S\n]*[*_\w\"']"
)
"""Where it is worth looking: at its last character. The character before a text is its context."""
FENCE = re.compile(r"(?:`{3}([\w-]*)|`{1,2})\s*")
OBJECT_START = re.compile(rf"\{{+\s*(\\?[{QUOTES}])?([\w$ -]*)(.?)", re.DOTALL)
LIST_START = re.compile(r"\[\s*")
LABELLED = re.compile(
    r"[*_]{0,2}(?:action|tool|function|tool[ _](?:call|name)|function[ _](?:call|name))"
    r"[*_]{0,2}\s*:[*_]{0,2}[^\S\n]*`?([\w.-]*)`?[^\S\n]*(\n?)\s*([*_\w ]*)(.?)",
    re.IGNORECASE,
)
LABEL_WORDS = ("action", "tool call", "tool_call", "tool name", "tool_name", "tool",
    "function call", "function_call", "function name", "function_name", "function")  # fmt: skip
LABEL_END = re.compile(r"[*_]{0,2}\s*")
INPUT_LABELS = ("actioninput", "arguments", "args", "parameters", "params", "input", "toolinput")
AFTER_NAME = re.compile(r"[`*]{0,2}[\s:]*(?:`{1,3}(?:json)?\s*)?")
NAME_START = re.compile(r"(print\s*\(\s*)?([\w.-]*)(.?)", re.DOTALL)


class Verdict(Enum):
    """Whether a call begins here."""

    YES = "yes"
    NO = "no"
    MAYBE = "maybe"


def judge_opening(text: str, at: int, tools: KnownTools) -> Verdict:
    """Judge ``text`` at ``at``, a match of ``CANDIDATE`` without its blanks.

    ``MAYBE`` only when the text ends too early to tell, and never behind ``MAX_LOOKAHEAD``
    characters, so that prose is not held for long.
    """
    verdict = _judge(text[at : at + MAX_LOOKAHEAD], tools)
    if verdict is Verdict.MAYBE and len(text) - at >= MAX_LOOKAHEAD:
        return Verdict.NO
    return verdict


def _judge(text: str, tools: KnownTools) -> Verdict:
    first = text[0]
    if first == "`":
        return _judge_fence(text, tools)
    if first == "{":
        return _judge_object(text, tools)
    if first == "<":
        return _judge_marker(text, tools)
    if first == "[":
        return _either(_judge_marker(text, tools), _judge_list(text, tools))
    if first in QUOTES:
        # A whole answer that was encoded once more.
        return _judge_escaped(text)
    return _either(_judge_label(text, tools), _judge_name(text, tools))


def _either(*verdicts: Verdict) -> Verdict:
    if Verdict.YES in verdicts:
        return Verdict.YES
    return Verdict.MAYBE if Verdict.MAYBE in verdicts else Verdict.NO


def _judge_marker(text: str, tools: KnownTools) -> Verdict:
    lowered = text.lower()
    if any(lowered.startswith(marker) for marker in MARKERS):
        return Verdict.YES
    if any(marker.startswith(lowered) for marker in MARKERS):
        return Verdict.MAYBE
    tag = re.match(r"<([\w-]+)(.?)", text)
    if tag is None or not tools.may_begin(tag[1]):
        return Verdict.NO
    if not tag[2]:
        return Verdict.MAYBE
    return Verdict.YES if tag[2] in "> \n" and tools.find(tag[1]) else Verdict.NO


def _judge_fence(text: str, tools: KnownTools) -> Verdict:
    fence = FENCE.match(text)
    if fence is None:
        return Verdict.NO
    inside = text[fence.end() :]
    if not inside:
        return Verdict.MAYBE
    if fence[1] == "tool_code":
        return Verdict.YES
    return Verdict.NO if inside[0] in QUOTES else _judge(inside, tools)


def _judge_object(text: str, tools: KnownTools) -> Verdict:
    start = OBJECT_START.match(text)
    if start is None:
        return Verdict.NO
    quote, key, behind = start[1], start[2], start[3]
    if not key and not quote and behind == "\\" and start.end() == len(text):
        return Verdict.MAYBE
    written = key.lower().strip().replace("-", "_").replace(" ", "_")
    if behind:
        is_call = written in CALL_KEYS or bool(key and tools.find(key))
        return Verdict.YES if is_call else Verdict.NO
    is_open = any(known.startswith(written) for known in CALL_KEYS) or tools.may_begin(key)
    return Verdict.MAYBE if is_open else Verdict.NO


def _judge_list(text: str, tools: KnownTools) -> Verdict:
    start = LIST_START.match(text)
    inside = text[start.end() :] if start else ""
    if not inside:
        return Verdict.MAYBE
    if inside[0] == "{":
        return _judge_object(inside, tools)
    return _judge_name(inside, tools) if inside[0].isalpha() else Verdict.NO


def _judge_escaped(text: str) -> Verdict:
    if len(text) < len('"{\\"'):
        return Verdict.MAYBE if re.fullmatch(r'["\'][{\[]?\\?', text) else Verdict.NO
    return Verdict.YES if re.match(r'["\'](?:\[\s*)?\{\s*\\["\']', text) else Verdict.NO


def _judge_name(text: str, tools: KnownTools) -> Verdict:
    """Judge ``get_order_status(…`` and ``get_order_status {…`` at the start of a line."""
    start = NAME_START.match(text)
    if start is None:
        return Verdict.NO
    is_printed, name, behind = start[1], start[2], start[3]
    if not behind:
        is_open = not name or tools.may_begin(name) or (not is_printed and "print".startswith(name))
        return Verdict.MAYBE if is_open else Verdict.NO
    if not name or not tools.find(name):
        may_print = not is_printed and re.fullmatch(r"print\s*\(?\s*", text)
        return Verdict.MAYBE if may_print else Verdict.NO
    between = AFTER_NAME.match(text, start.end(2))
    rest = text[between.end() :] if between else ""
    if not rest or "json".startswith(rest):
        return Verdict.MAYBE
    if rest[0] == "(":
        return Verdict.YES
    return _judge_arguments(rest) if rest[0] == "{" else Verdict.NO


def _judge_arguments(text: str) -> Verdict:
    """Judge an object behind a tool's name: any key may follow, text that is none may not."""
    if re.match(rf"\{{\s*[{QUOTES}\w}}]", text):
        return Verdict.YES
    return Verdict.MAYBE if re.fullmatch(r"\{\s*", text) else Verdict.NO


def _judge_label(text: str, tools: KnownTools) -> Verdict:
    """Judge ``Action: get_order_status`` and a following line ``Action Input:``."""
    bare = text.lstrip("*_").lower()
    if any(word.startswith(bare) for word in LABEL_WORDS):
        return Verdict.MAYBE
    labelled = LABELLED.match(text)
    if labelled is None:
        is_open = any(
            bare.startswith(word) and LABEL_END.fullmatch(bare, len(word)) for word in LABEL_WORDS
        )
        return Verdict.MAYBE if is_open else Verdict.NO
    name, newline, label, behind = labelled[1], labelled[2], labelled[3], labelled[4]
    is_at_end = labelled.end() == len(text) and not behind
    if not name:
        if is_at_end:
            return Verdict.MAYBE
        # The call itself stands behind the label.
        inside = text.partition(":")[2].lstrip("*_ \n")
        return _judge(inside, tools) if inside[:1] in ("{", "[", "`") else Verdict.NO
    if behind in ("(", "{") and not label:
        return Verdict.YES if tools.find(name) else Verdict.NO
    if not newline:
        return Verdict.MAYBE if is_at_end and not label else Verdict.NO
    if tools.find(name):
        return Verdict.YES
    squeezed = squeeze(label)
    if behind and squeezed in INPUT_LABELS:
        return Verdict.YES
    is_open = is_at_end and any(known.startswith(squeezed) for known in INPUT_LABELS)
    return Verdict.MAYBE if is_open else Verdict.NO
