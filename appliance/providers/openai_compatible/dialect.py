"""What a server takes of the protocol, found out by asking.

Owns the body of a request in a server's dialect and what a refusal teaches; sending is left to
``chat_model``. Nobody has to know beforehand which server stands at the address: a request starts
with everything, and what is refused by name is left out from then on.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec
from msgspec import Struct

from appliance.domain.json_types import JsonObject
from appliance.ports.chat_model import ChatRequest
from appliance.ports.clock import Clock
from appliance.providers.openai_compatible.server import ServerError
from appliance.providers.openai_compatible.wire import build_messages
from appliance.tool_spelling import (
    ToolForm,
    build_constrained_messages,
    build_function_tools,
    build_prompted_messages,
    build_schema,
)

REMEMBERED_S = 3600.0
"""A server may be restarted with more abilities."""

NOT_KNOWN = re.compile(
    r"not (?:yet )?(?:support|permit|allow|implement|avail|enabled)|unsupported|unknown|unexpected"
    r"|unrecogni|extra|requires?\b|no endpoints|only the default|disabled|instead|can(?:not|'t) use"
)
TOOL_WORDS = re.compile(r"\btools?\b|\btool[ _-](?:choice|use|call)|function[ _-]call")
FORMAT_WORDS = ("response_format", "json_schema", "json schema", "grammar", "guided", "structured")
STATUSES = frozenset({400, 404, 422, 500, 501})

LengthParameter = Literal["max_completion_tokens", "max_tokens"]
OTHER_LENGTH: dict[LengthParameter, LengthParameter] = {
    "max_completion_tokens": "max_tokens",
    "max_tokens": "max_completion_tokens",
}


class Dialect(Struct, frozen=True, kw_only=True):
    """What one model behind one server takes."""

    length_parameter: LengthParameter
    is_length_settled: bool = False
    has_usage: bool = True
    has_temperature: bool = True
    form: ToolForm = "native"

    def build_body(self, request: ChatRequest, model: str) -> JsonObject:
        """Return the body of ``request``."""
        body: JsonObject = {
            "model": model,
            "stream": True,
            self.length_parameter: request.max_output_tokens,
        }
        if self.has_usage:
            body["stream_options"] = {"include_usage": True}
        if self.has_temperature:
            body["temperature"] = request.temperature
        return body | self._build_conversation(request)

    def without_refused(self, error: ServerError, body: JsonObject) -> Dialect | None:
        """Return the dialect that leaves out what ``error`` refuses of ``body``.

        ``None`` when it refuses something else, which sending less will not mend.
        """
        if error.status not in STATUSES:
            return None
        # A schema may also be too intricate for the server.
        if "response_format" in body and error.mentions(*FORMAT_WORDS):
            return msgspec.structs.replace(self, form="prompted")
        if not NOT_KNOWN.search(error.said):
            return None
        if error.mentions("stream_options", "include_usage") and "stream_options" in body:
            return msgspec.structs.replace(self, has_usage=False)
        if error.mentions("temperature") and "temperature" in body:
            return msgspec.structs.replace(self, has_temperature=False)
        if error.mentions(self.length_parameter) and not self.is_length_settled:
            other = OTHER_LENGTH[self.length_parameter]
            return msgspec.structs.replace(self, length_parameter=other, is_length_settled=True)
        if "tools" in body and TOOL_WORDS.search(error.said):
            return msgspec.structs.replace(self, form="constrained")
        return None

    def _build_conversation(self, request: ChatRequest) -> JsonObject:
        messages, tools = request.messages, request.tools
        match self.form:
            case "native" if tools:
                return {"messages": build_messages(messages), "tools": build_function_tools(tools)}
            case "native":
                return {"messages": build_messages(messages)}
            case "constrained" if tools:
                schema = {"name": "answer", "schema": build_schema(tools)}
                return {
                    "messages": build_constrained_messages(messages, tools),
                    "response_format": {"type": "json_schema", "json_schema": schema},
                }
            case "constrained":
                return {"messages": build_constrained_messages(messages, ())}
            case "prompted":
                return {"messages": build_prompted_messages(messages, tools)}


class KnownDialects:
    """Remembers the dialect of each model for a while."""

    def __init__(self, clock: Clock, *, is_vendors: bool) -> None:
        self._clock = clock
        self._first = Dialect(
            length_parameter="max_completion_tokens" if is_vendors else "max_tokens"
        )
        self._known: dict[str, tuple[float, Dialect]] = {}

    def get(self, model: str) -> Dialect:
        """Return what is known of ``model``, or the dialect to begin with."""
        until, dialect = self._known.get(model, (0.0, self._first))
        return dialect if self._clock.monotonic() < until else self._first

    def remember(self, model: str, dialect: Dialect) -> None:
        """Note that ``model`` answered in ``dialect``."""
        if dialect != self.get(model):
            self._known[model] = (self._clock.monotonic() + REMEMBERED_S, dialect)
