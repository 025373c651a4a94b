from __future__ import annotations

from appliance import __version__
from appliance.telemetry.genai_spans import Span
from appliance.telemetry.otlp_json import encode_request
from tests.fakes.otlp_collector import read_request

SPAN = Span(
    trace_id="ab" * 16,
    span_id="cd" * 8,
    parent_span_id="ef" * 8,
    name="chat שלום",
    kind="client",
    start_ns=1_772_445_600_000_000_000,
    end_ns=1_772_445_600_000_000_001,
    attributes={"text": "a", "yes": True, "count": 2**60, "share": 0.5, "list": ["x"], "one": 1.0},
)


def test_spans_are_read_as_they_were_written() -> None:
    request = read_request(encode_request([SPAN]))
    (span,) = request.spans
    assert (span.traceId, span.spanId, span.parentSpanId) == ("ab" * 16, "cd" * 8, "ef" * 8)
    assert (span.name, span.kind, span.status.code) == ("chat שלום", 3, 0)
    assert (span.startTimeUnixNano, span.endTimeUnixNano) == (str(SPAN.start_ns), str(SPAN.end_ns))
    assert span.facts == SPAN.attributes
    assert type(span.facts["one"]) is float
    resource = {
        pair.key: pair.value.read() for pair in request.resourceSpans[0].resource.attributes
    }
    assert resource == {"service.name": "csai-appliance", "service.version": __version__}


def test_an_error_is_a_status_and_a_root_has_no_parent() -> None:
    failed = Span(
        trace_id="ab" * 16,
        span_id="cd" * 8,
        name="chat",
        start_ns=SPAN.start_ns,
        end_ns=SPAN.end_ns,
        attributes={"error.type": "timed_out"},
    )
    body = encode_request([failed])
    (span,) = read_request(body).spans
    assert (span.kind, span.status.code) == (1, 2)
    assert b"parentSpanId" not in body
