"""A provider that was chosen and is not set up.

Owns failing at once with the operator's sentence, so that the turn's next model answers and the
answer is marked; who is missing is found by ``appliance.services.model_selection``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from appliance.errors import Unavailable
from appliance.ports.chat_model import ChatRequest, ModelDescription, ModelEvent


class MissingProvider:
    """Implements ``ChatModel`` by refusing; ``remedy`` says how to set the provider up."""

    def __init__(self, name: str, remedy: str) -> None:
        self._name = name
        self._remedy = remedy

    @property
    def name(self) -> str:
        """The name by which it was chosen."""
        return self._name

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ModelEvent, None]:
        """Fail before the first event."""
        raise self._error()
        yield  # type: ignore[unreachable]  # makes it a generator

    async def context_length(self, model: str | None) -> int | None:
        """Return ``None``: nobody can be asked."""
        return None

    async def list_models(self) -> list[ModelDescription]:
        """Fail."""
        raise self._error()

    async def aclose(self) -> None:
        """Do nothing: there is no connection."""

    def _error(self) -> Unavailable:
        return Unavailable(self._remedy, code="provider_not_set_up")
