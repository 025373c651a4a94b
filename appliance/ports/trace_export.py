"""Telling an outside system what happened in a turn.

Owns the port; what is told, and that nobody waits for it, is left to ``appliance.telemetry``.
"""

from __future__ import annotations

from typing import Protocol

from appliance.domain.trace import StoredTrace


class TraceExporter(Protocol):
    """Exports traces in the background; one that cannot be exported is dropped."""

    def export(self, trace: StoredTrace) -> None:
        """Export ``trace`` soon; never waits and never fails."""
        ...
