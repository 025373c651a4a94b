"""Spans in the JSON form of OpenTelemetry's protocol.

Owns the shape of an export request; sending it is left to ``appliance.telemetry.otlp_exporter``.

Source: OTLP specification 1.x, "JSON Protobuf Encoding": hexadecimal ids, 64-bit integers as
text, enumerations as numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from appliance import __version__
from appliance.telemetry.genai_spans import AGENT_NAME, AttributeValue, Span

KINDS = {"internal": 1, "client": 3}
STATUS_ERROR = 2


def encode_request(spans: Sequence[Span]) -> bytes:
    """Return the body of a request that exports ``spans``."""
    resource = {"service.name": AGENT_NAME, "service.version": __version__}
    scope = {"name": "appliance.telemetry", "version": __version__}
    return msgspec.json.encode(
        {
            "resourceSpans": [
                {
                    "resource": {"attributes": _encode_attributes(resource)},
                    "scopeSpans": [{"scope": scope, "spans": [_encode(span) for span in spans]}],
                }
            ]
        }
    )


def _encode(span: Span) -> dict[str, Any]:
    encoded: dict[str, Any] = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "name": span.name,
        "kind": KINDS[span.kind],
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": _encode_attributes(span.attributes),
    }
    if span.parent_span_id is not None:
        encoded["parentSpanId"] = span.parent_span_id
    if span.has_failed:
        encoded["status"] = {"code": STATUS_ERROR}
    return encoded


def _encode_attributes(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _encode_value(value)} for key, value in attributes.items()]


def _encode_value(value: AttributeValue) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case str():
            return {"stringValue": value}
        case list():
            return {"arrayValue": {"values": [_encode_value(item) for item in value]}}
