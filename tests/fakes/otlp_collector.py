"""An OpenTelemetry collector on a loopback port that takes nothing but well-formed JSON.

Owns the shape of an export request as OTLP's specification describes it, strictly: unknown fields,
ids that are not hexadecimal and numbers in the wrong form are refused. How it behaves is told by
the test.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Annotated, Any, Self

import msgspec

from tests.fakes.loopback_http import Exchange, LoopbackHttp

TraceIdText = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
SpanIdText = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
Nanoseconds = Annotated[str, msgspec.Meta(pattern="^[1-9][0-9]{18}$")]
Int64 = Annotated[str, msgspec.Meta(pattern="^-?[0-9]{1,19}$")]
Name = Annotated[str, msgspec.Meta(min_length=1)]


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    pass


class Value(Strict):
    stringValue: str | None = None
    boolValue: bool | None = None
    intValue: Int64 | None = None
    doubleValue: float | None = None
    arrayValue: Values | None = None

    def read(self) -> Any:
        given = [value for value in msgspec.structs.astuple(self) if value is not None]
        assert len(given) == 1, f"One kind of value, not {given}."
        if self.arrayValue is not None:
            return [value.read() for value in self.arrayValue.values]
        return given[0] if self.intValue is None else int(self.intValue)


class Values(Strict):
    values: list[Value]


class KeyValue(Strict):
    key: Name
    value: Value


class Status(Strict):
    code: Annotated[int, msgspec.Meta(ge=0, le=2)] = 0
    message: str = ""


class SeenSpan(Strict):
    traceId: TraceIdText
    spanId: SpanIdText
    name: Name
    kind: Annotated[int, msgspec.Meta(ge=1, le=5)]
    startTimeUnixNano: Nanoseconds
    endTimeUnixNano: Nanoseconds
    attributes: list[KeyValue]
    parentSpanId: SpanIdText | None = None
    status: Status = msgspec.field(default_factory=Status)

    def __post_init__(self) -> None:
        keys = [pair.key for pair in self.attributes]
        assert len(keys) == len(set(keys)), keys
        assert int(self.startTimeUnixNano) <= int(self.endTimeUnixNano)

    @property
    def facts(self) -> dict[str, Any]:
        return {pair.key: pair.value.read() for pair in self.attributes}


class Scope(Strict):
    name: Name
    version: str = ""


class ScopeSpans(Strict):
    scope: Scope
    spans: list[SeenSpan]


class Resource(Strict):
    attributes: list[KeyValue]


class ResourceSpans(Strict):
    resource: Resource
    scopeSpans: list[ScopeSpans]


class ExportRequest(Strict):
    resourceSpans: list[ResourceSpans]

    @property
    def spans(self) -> list[SeenSpan]:
        return [
            span
            for resource in self.resourceSpans
            for scope in resource.scopeSpans
            for span in scope.spans
        ]


read_request = msgspec.json.Decoder(ExportRequest).decode
Behaviour = Callable[[Exchange], Awaitable[None]]


async def accept(exchange: Exchange) -> None:
    await exchange.respond_json(200, {"partialSuccess": {}})


def answer(status: int, body: bytes = b"") -> Behaviour:
    async def behave(exchange: Exchange) -> None:
        await exchange.respond(status, body)

    return behave


async def hang(exchange: Exchange) -> None:
    await exchange.wait_for_disconnect()


async def break_off(exchange: Exchange) -> None:
    await exchange.send_raw(b"\x00\xff garbage \r\n\r\n")
    exchange.cut()


@dataclass
class OtlpCollector:
    """Behaves as ``then`` says, request by request, and accepts whatever comes behind that."""

    then: list[Behaviour] = field(default_factory=list)
    port: int = 0
    spans: list[SeenSpan] = field(default_factory=list)
    has_spans: asyncio.Event = field(default_factory=asyncio.Event)
    has_heard: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Self:
        self.http = await LoopbackHttp(self._handle, port=self.port).__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.http.__aexit__(kind, error, trace)

    @property
    def url(self) -> str:
        return self.http.url

    async def _handle(self, exchange: Exchange) -> None:
        self.has_heard.set()
        if self.then:
            await self.then.pop(0)(exchange)
            return
        request = exchange.request
        assert (request.method, request.path) == ("POST", "/v1/traces")
        assert request.headers["content-type"] == "application/json"
        self.spans += read_request(request.body).spans
        await accept(exchange)
        self.has_spans.set()
