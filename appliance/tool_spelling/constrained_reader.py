"""Answers that are held to a JSON Schema while the model writes.

Owns the schema and the reading of such answers: one object, ``{"reply": "…"}`` for the visitor or
``{"tool": "…", "arguments": {…}}`` for one call. A server that does not enforce the schema lets the
model write what it likes: then ``free_reader`` reads it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Literal

from appliance.domain.json_types import JsonObject
from appliance.domain.tool import ToolCall, ToolSpec
from appliance.domain.whole_characters import join_halves
from appliance.tool_spelling.free_reader import FreeReader
from appliance.tool_spelling.reading import UnreadableAnswer

Form = Literal["unknown", "reply", "object", "free"]
REPLY_START = re.compile(r'\s*\{\s*"reply"\s*:\s*"')
REPLY_KEY = '{"reply":"'
ESCAPE = re.compile(r'\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt])')


def build_schema(tools: Sequence[ToolSpec]) -> JsonObject:
    """Return the schema of one answer: a reply, or a call of one of ``tools``."""
    reply = {
        "type": "object",
        "properties": {"reply": {"type": "string"}},
        "required": ["reply"],
        "additionalProperties": False,
    }
    calls = [
        {
            "type": "object",
            "properties": {"tool": {"const": tool.name}, "arguments": tool.parameters_schema},
            "required": ["tool", "arguments"],
            "additionalProperties": False,
        }
        for tool in tools
    ]
    return {"anyOf": [reply, *calls]}


class ConstrainedReader:
    """Reads an answer in this form; a reply is shown while it is still being written."""

    def __init__(self, tools: Sequence[ToolSpec]) -> None:
        self._free = FreeReader(tools)
        self._form: Form = "unknown"
        self._text = ""
        self._object: list[str] = []
        self._is_closed = False

    def feed(self, text: str) -> str:
        """Return what of the reply became readable; nothing while a call is written."""
        if self._form == "free":
            return self._free.feed(text)
        if self._form == "object":
            self._object.append(text)
            return ""
        self._text += text
        if self._form == "unknown":
            self._form = self._recognise()
        match self._form:
            case "reply":
                return self._read_string()
            case "free":
                return self._free.feed(self._text)
            case "object":
                self._object.append(self._text)
        return ""

    def finish(self, *, is_cut: bool = False) -> tuple[str, tuple[ToolCall, ...]]:
        """Return the rest of the reply, or the call.

        Raises:
            UnreadableAnswer: The object is incomplete, as after too few output tokens, or neither.
        """
        if self._form == "reply":
            # What was shown stands, also when the output ended before the closing brace.
            return "", ()
        if self._form == "free":
            return self._free.finish(is_cut=is_cut)
        shown = self._free.feed("".join(self._object) or self._text)
        rest, calls = self._free.finish(is_cut=is_cut)
        said = shown + rest
        if not calls and said.lstrip().startswith("{"):
            raise UnreadableAnswer("the answer is neither a reply nor a call")
        return said, calls

    def _recognise(self) -> Form:
        start = REPLY_START.match(self._text)
        if start is not None:
            self._text = self._text[start.end() :]
            return "reply"
        without_blanks = "".join(self._text.split())
        if REPLY_KEY.startswith(without_blanks):
            return "unknown"
        return "object" if without_blanks.startswith("{") else "free"

    def _read_string(self) -> str:
        """Decode the JSON string from where reading stopped, as far as it is whole."""
        end = 0
        while not self._is_closed and end < len(self._text):
            if self._text[end] == '"':
                self._is_closed = True
            elif self._text[end] != "\\":
                end += 1
            elif escape := ESCAPE.match(self._text, end):
                if self._is_half_pair(escape):
                    break
                end = escape.end()
            elif len(self._text) - end >= len("\\u0000"):
                raise UnreadableAnswer("the answer has a broken escape")
            else:
                break
        raw, self._text = self._text[:end], self._text[end:]
        return join_halves(json.loads(f'"{raw}"', strict=False))

    def _is_half_pair(self, escape: re.Match[str]) -> bool:
        """Say whether a high surrogate still waits for its other half."""
        is_high = escape[0][1] == "u" and 0xD800 <= int(escape[0][2:], 16) <= 0xDBFF
        return is_high and len(self._text) - escape.end() < len("\\u0000")
