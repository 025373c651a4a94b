"""The export of traces, where the operator asks for it.

Owns building and closing it; nothing of it is loaded while ``CSAI_OTLP_ENDPOINT`` is not set.
"""

from __future__ import annotations

from contextlib import AsyncExitStack

from appliance.egress.client import EgressClient
from appliance.ports.trace_export import TraceExporter
from appliance.settings import Settings


def open_trace_exporter(stack: AsyncExitStack, settings: Settings) -> TraceExporter | None:
    """Return what exports traces, to be closed with ``stack``, or ``None``."""
    endpoint = settings.otlp_endpoint
    if endpoint is None:
        return None
    from appliance.telemetry.otlp_exporter import OtlpExporter

    http = EgressClient(trusted=[endpoint])
    stack.push_async_callback(http.aclose)
    exporter = OtlpExporter(http, endpoint)
    stack.push_async_callback(exporter.aclose)
    return exporter
