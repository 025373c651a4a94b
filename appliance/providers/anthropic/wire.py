"""The Messages API's answers as structs.

Owns the shapes of stream events and of ``/v1/models``; requests are built in ``request``. What is
not named here is ignored, as the vendor asks of its clients.

Source: the vendor's API reference, version 2026-10-21.
"""

from __future__ import annotations

from msgspec import Struct, field

from appliance.domain.json_types import JsonObject


class WireUsage(Struct, frozen=True):
    """Token counts; those of ``message_delta`` are cumulative and replace earlier ones."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


class WireMessage(Struct, frozen=True):
    """The message that ``message_start`` opens."""

    model: str = ""
    usage: WireUsage = field(default_factory=WireUsage)


class WireDelta(Struct, frozen=True):
    """A piece of a block, or with ``message_delta`` the end of the message."""

    type: str = ""
    text: str = ""
    partial_json: str = ""
    thinking: str = ""
    signature: str = ""
    stop_reason: str | None = None


class WireError(Struct, frozen=True):
    """An error, as the body of an answer or in the middle of a stream."""

    type: str = ""
    message: str = ""
    details: JsonObject | None = None

    @property
    def code(self) -> str:
        """The stable name of the cause, empty where there is none."""
        code = (self.details or {}).get("error_code")
        return code if isinstance(code, str) else ""


class ErrorBody(Struct, frozen=True):
    """The body of an error answer."""

    error: WireError


class StreamEvent(Struct, frozen=True):
    """Any event of a streamed answer; ``type`` says which fields it has."""

    type: str
    index: int = 0
    message: WireMessage | None = None
    content_block: JsonObject | None = None
    delta: WireDelta | None = None
    usage: WireUsage | None = None
    error: WireError | None = None


class Support(Struct, frozen=True):
    """Whether a model can do something."""

    supported: bool = False


class EffortSupport(Struct, frozen=True):
    """Which efforts a model knows."""

    low: Support = field(default_factory=Support)


class Capabilities(Struct, frozen=True):
    """What a model can do, as far as it matters here."""

    effort: EffortSupport | None = None


class ModelEntry(Struct, frozen=True):
    """One model of ``/v1/models``."""

    id: str
    max_input_tokens: int | None = None
    max_tokens: int | None = None
    capabilities: Capabilities | None = None


class ModelPage(Struct, frozen=True):
    """One page of ``/v1/models``."""

    data: list[ModelEntry]
    has_more: bool = False
    last_id: str | None = None
