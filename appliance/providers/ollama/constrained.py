"""Tool calls with a model that knows no tools: its output is held to a JSON Schema.

Owns the schema, the wording and the reading of such answers; Ollama enforces the schema while the
model writes (``format``).

The model writes one object: ``{"reply": "…"}`` for the visitor, or ``{"tool": "…", "arguments":
{…}}`` for one call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from importlib.resources import files

import msgspec
from msgspec import Struct

from appliance.domain.json_types import JsonObject
from appliance.domain.message import ChatMessage
from appliance.domain.tool import ToolCall, ToolSpec
from appliance.providers.ollama.reply import MalformedReply
from appliance.providers.ollama.wire import describe_tool

REPLY_START = re.compile(r'\s*\{\s*"reply"\s*:\s*"')
ESCAPE = re.compile(r'\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt])')


class SpelledAnswer(Struct, frozen=True):
    """The object that the model writes."""

    reply: str | None = None
    tool: str | None = None
    arguments: JsonObject | None = None


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


def build_spelled_messages(
    messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]
) -> list[JsonObject]:
    """Return ``messages`` for a model without a tool role.

    The system message gains the list of tools; earlier calls and results become what the model
    would have written and read in this form.
    """
    spelled: list[JsonObject] = []
    for message in messages:
        if message.role == "system" and tools:
            content = f"{message.content}\n\n{_instructions(tools)}"
            spelled.append({"role": "system", "content": content})
        elif message.role == "tool":
            result = {"tool": message.tool_name, "result": message.content}
            spelled.append({"role": "user", "content": _encode(result)})
        elif message.role == "assistant" and (message.tool_calls or tools):
            spelled.extend(_spell_assistant(message, has_tools=bool(tools)))
        else:
            spelled.append({"role": message.role, "content": message.content})
    return spelled


def _spell_assistant(message: ChatMessage, *, has_tools: bool) -> list[JsonObject]:
    answers: list[JsonObject] = []
    if message.content:
        said = _encode({"reply": message.content}) if has_tools else message.content
        answers.append({"role": "assistant", "content": said})
    answers += [
        {
            "role": "assistant",
            "content": _encode({"tool": call.name, "arguments": call.arguments}),
        }
        for call in message.tool_calls
    ]
    return answers


def _instructions(tools: Sequence[ToolSpec]) -> str:
    template = files(__package__).joinpath("constrained.md").read_text(encoding="utf-8")
    listed = "\n".join(
        f"- {tool.name}: {describe_tool(tool)} Arguments: {_encode(tool.parameters_schema)}"
        for tool in tools
    )
    return template.replace("{tools}", listed).strip()


def _encode(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


class SpelledReader:
    """Reads an answer in this form; a reply is shown while it is still being written."""

    def __init__(self) -> None:
        self._text = ""
        self._read_to = 0
        self._is_reply = False
        self._is_closed = False

    def feed(self, text: str) -> str:
        """Return what of the reply became readable; nothing while a call is written."""
        self._text += text
        if not self._is_reply:
            start = REPLY_START.match(self._text)
            if start is None:
                return ""
            self._is_reply = True
            self._read_to = start.end()
        return self._read_string()

    def finish(self) -> tuple[str, tuple[ToolCall, ...]]:
        """Return the rest of the reply, or the call.

        Raises:
            MalformedReply: The object is incomplete, as after too few output tokens, or neither.
        """
        if self._is_reply:
            # What was shown stands, also when the output ended before the closing brace.
            return "", ()
        if not self._text.lstrip().startswith("{"):
            # An Ollama too old to enforce the schema: the model just spoke.
            return self._text, ()
        try:
            answer = msgspec.json.decode(self._text, type=SpelledAnswer)
        except msgspec.DecodeError as exc:
            raise MalformedReply("the constrained answer is not JSON") from exc
        if answer.tool:
            call = ToolCall(id="", name=answer.tool, arguments=answer.arguments or {})
            return "", (call,)
        if answer.reply is not None:
            return answer.reply, ()
        raise MalformedReply("the constrained answer is neither a reply nor a call")

    def _read_string(self) -> str:
        """Decode the JSON string from where reading stopped, as far as it is whole."""
        end = self._read_to
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
                raise MalformedReply("the constrained answer has a broken escape")
            else:
                break
        raw, self._read_to = self._text[self._read_to : end], end
        return str(json.loads(f'"{raw}"', strict=False))

    def _is_half_pair(self, escape: re.Match[str]) -> bool:
        """Say whether a high surrogate still waits for its other half."""
        is_high = escape[0][1] == "u" and 0xD800 <= int(escape[0][2:], 16) <= 0xDBFF
        return is_high and len(self._text) - escape.end() < len("\\u0000")
