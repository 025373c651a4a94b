"""The export of traces, where the operator asks for it.

Owns building and closing it; nothing of it is loaded while ``CSAI_OTLP_ENDPOINT`` is not set.
"""

from __future__ import annotations

from contextlib import AsyncExitStack

from appliance.egress.client import EgressClient
from appliance.errors import ConfigurationError
from appliance.ports.trace_export import TraceExporter
from appliance.settings import Settings


def open_trace_exporter(stack: AsyncExitStack, settings: Settings) -> TraceExporter | None:
    """Return what exports traces, to be closed with ``stack``, or ``None``.

    Raises:
        ConfigurationError: The address cannot be used.
    """
    endpoint = settings.otlp_endpoint
    if endpoint is None:
        return None
    from appliance.telemetry.otlp_exporter import OtlpExporter

    try:
        http = EgressClient(trusted=[endpoint])
    except ConfigurationError as error:
        raise ConfigurationError(
            f"CSAI_OTLP_ENDPOINT cannot be used: {error.message}", setting="CSAI_OTLP_ENDPOINT"
        ) from error
    stack.push_async_callback(http.aclose)
    exporter = OtlpExporter(http, endpoint)
    stack.push_async_callback(exporter.aclose)
    return exporter
