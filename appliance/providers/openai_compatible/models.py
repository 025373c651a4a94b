"""Which models a server has, what it says of them, and which one to take.

Owns the question to ``/models``, its short-lived cache and the choice of a default; talking to a
model is left to ``chat_model``.
"""

from __future__ import annotations

import re

import msgspec

from appliance.domain.whole_characters import join_halves
from appliance.errors import ApplianceError, Rejected
from appliance.ports.chat_model import ModelDescription
from appliance.ports.clock import Clock
from appliance.providers.openai_compatible.failures import translate_error
from appliance.providers.openai_compatible.server import Server, ServerError, broken_response
from appliance.providers.openai_compatible.wire import ListedModel, ListedModels

LIST_TTL_S = 300.0
ASK_AGAIN_S = 60.0
LOOKUP_TIMEOUT_S = 5.0

NO_CHAT = re.compile(
    r"embed|whisper|\btts\b|dall-e|moderation|rerank|transcribe|realtime|\bimage\b|sora|babbage"
    r"|davinci|\bguard\b",
    re.IGNORECASE,
)
"""Names of models that do not chat; the protocol lists all alike."""


class ModelCatalogue:
    """Knows what the server lists."""

    def __init__(self, server: Server, clock: Clock, *, default_model: str | None) -> None:
        self._server = server
        self._clock = clock
        self._default_model = default_model
        self._ask_again_at = float("-inf")
        self._listed: tuple[float, list[ListedModel]] | None = None

    async def choose(self, wanted: str | None) -> str:
        """Return ``wanted``, the configured model, or the first that the server lists for chats.

        Raises:
            Rejected: There is none to choose from.
            Unavailable: The server does not answer.
            AuthFailed: It refused the key.
        """
        name = wanted or self._default_model
        if name is not None:
            return name
        listed = await self._list()
        names = [model.id for model in listed if not NO_CHAT.search(model.id)]
        if not names:
            raise Rejected(
                f"The server at {self._server.base_url} lists no chat model; load one there or "
                "name one with CSAI_OPENAI_MODEL.",
                code="no_model_installed",
            )
        return names[0]

    async def context_length(self, wanted: str | None) -> int | None:
        """Return the context length that the server tells of a model, ``None`` if it does not.

        A server that cannot list its models is not asked again for a while: every turn would wait.
        """
        if self._clock.monotonic() < self._ask_again_at:
            return None
        try:
            name = await self.choose(wanted)
            listed = {model.id: model for model in await self._list()}
        except ApplianceError:
            self._ask_again_at = self._clock.monotonic() + ASK_AGAIN_S
            return None
        return read_context_length(listed[name]) if name in listed else None

    async def describe_all(self) -> list[ModelDescription]:
        """Return what the server lists now, in its order; raises like ``choose``."""
        self.forget()
        return [
            ModelDescription(name=model.id, context_length_tokens=read_context_length(model))
            for model in await self._list()
        ]

    def forget(self) -> None:
        """Ask again next time, because something turned out to have changed."""
        self._listed = None

    async def _list(self) -> list[ListedModel]:
        if self._listed is not None and self._clock.monotonic() < self._listed[0]:
            return self._listed[1]
        try:
            answer = await self._server.fetch_models(timeout_s=LOOKUP_TIMEOUT_S)
            listed = [_join_halves(model) for model in msgspec.convert(answer, ListedModels).data]
        except ServerError as exc:
            model = self._default_model or ""
            raise translate_error(exc, model=model, server=self._server) from exc
        except (msgspec.ValidationError, RecursionError) as exc:
            raise broken_response(self._server.base_url) from exc
        self._listed = (self._clock.monotonic() + LIST_TTL_S, listed)
        return listed


def _join_halves(model: ListedModel) -> ListedModel:
    return msgspec.structs.replace(model, id=join_halves(model.id))


def read_context_length(model: ListedModel) -> int | None:
    """Return how many tokens ``model`` takes as it runs now; what it was trained for comes last."""
    meta = model.meta
    told = (
        model.max_model_len,
        meta.n_ctx if meta else None,
        model.loaded_context_length,
        model.context_window,
        model.context_length,
        model.max_context_length,
        meta.n_ctx_train if meta else None,
    )
    return next((length for length in told if length and length > 0), None)
