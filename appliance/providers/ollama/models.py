"""Which models an Ollama has, what they can do, and which one to take.

Owns the questions to ``/api/tags`` and ``/api/show``, their short-lived cache and the choice of a
default; talking to a model is left to ``chat_model``.
"""

from __future__ import annotations

import asyncio
from typing import TypeVar

import msgspec
from msgspec import Struct

from appliance.domain.json_types import BROKEN_JSON
from appliance.errors import Rejected
from appliance.ports.chat_model import ModelDescription
from appliance.ports.clock import Clock
from appliance.providers.ollama.failures import translate_error
from appliance.providers.ollama.http import OllamaError, OllamaHttp, broken_response
from appliance.providers.ollama.wire import InstalledModel, InstalledModels, ShownModel

Shape = TypeVar("Shape")

FACTS_TTL_S = 300.0
LOOKUP_TIMEOUT_S = 5.0
MAX_SHOWN_AT_ONCE = 4


class ModelFacts(Struct, frozen=True, kw_only=True):
    """What matters of one model when it is called."""

    name: str
    capabilities: frozenset[str]
    context_length: int | None

    @property
    def can_chat(self) -> bool:
        """Whether it answers at all; an embedding model does not."""
        return "completion" in self.capabilities

    @property
    def has_native_tools(self) -> bool:
        """Whether its template knows tools."""
        return "tools" in self.capabilities

    @property
    def can_think(self) -> bool:
        """Whether it thinks unless told otherwise."""
        return "thinking" in self.capabilities


class ModelShelf:
    """Knows the installed models.

    With no model configured it takes the best installed one: of the chat models that run on the
    Ollama itself, one with native tools before one without, then the largest whose file is at most
    ``max_default_size_bytes`` (what an ordinary machine holds in memory), and if all are larger the
    smallest. Models in a vendor's cloud are only taken by name, since they send what visitors say
    off the machine.
    """

    def __init__(
        self,
        http: OllamaHttp,
        clock: Clock,
        *,
        default_model: str | None,
        max_default_size_bytes: int,
    ) -> None:
        self._http = http
        self._clock = clock
        self._default_model = default_model
        self._max_default_size_bytes = max_default_size_bytes
        self._facts: dict[str, tuple[float, ModelFacts]] = {}
        self._best: tuple[float, str] | None = None
        self._show_slots = asyncio.Semaphore(MAX_SHOWN_AT_ONCE)

    async def choose(self, wanted: str | None) -> ModelFacts:
        """Return the facts of ``wanted``, or of the default model.

        Raises:
            Rejected: It is not installed, cannot chat, or there is none to choose from.
            Unavailable: Ollama does not answer.
        """
        name = wanted or self._default_model or await self._find_best()
        facts = await self._look_up(name)
        if not facts.can_chat:
            raise Rejected(
                f"The model {name!r} only makes embeddings; choose a chat model for answers.",
                code="model_cannot_chat",
            )
        return facts

    async def describe_all(self) -> list[ModelDescription]:
        """Return every installed model, by name.

        Raises:
            Unavailable: Ollama does not answer.
        """
        installed = await self._list_installed()
        facts = await asyncio.gather(*(self._facts_of(model) for model in installed))
        described = [
            ModelDescription(
                name=model.name,
                capabilities=tuple(sorted(fact.capabilities)),
                context_length_tokens=fact.context_length,
                size_bytes=model.size or None,
            )
            for model, fact in zip(installed, facts, strict=True)
        ]
        return sorted(described, key=lambda description: description.name)

    def forget(self) -> None:
        """Ask again next time, because something turned out to have changed."""
        self._facts.clear()
        self._best = None

    async def _find_best(self) -> str:
        if self._best is not None and self._clock.monotonic() < self._best[0]:
            return self._best[1]
        local = [model for model in await self._list_installed() if not model.remote_host]
        facts = await asyncio.gather(*(self._facts_of(model) for model in local))
        candidates = [
            (fact.has_native_tools, model.size, model.name)
            for model, fact in zip(local, facts, strict=True)
            if fact.can_chat
        ]
        if not candidates:
            raise Rejected(
                f"No chat model is installed in the Ollama at {self._http.base_url}; "
                "get one with `ollama pull qwen3:4b`.",
                code="no_model_installed",
            )
        best = max(candidates, key=self._rank)[2]
        self._best = (self._clock.monotonic() + FACTS_TTL_S, best)
        return best

    def _rank(self, candidate: tuple[bool, int, str]) -> tuple[bool, bool, int, str]:
        has_native_tools, size_bytes, name = candidate
        fits = size_bytes <= self._max_default_size_bytes
        return has_native_tools, fits, size_bytes if fits else -size_bytes, name

    async def _list_installed(self) -> list[InstalledModel]:
        answer = await self._ask("GET", "/api/tags", None, InstalledModels, model="")
        return answer.models or []

    async def _facts_of(self, model: InstalledModel) -> ModelFacts:
        details_length = model.details.context_length if model.details else None
        context_length = model.context_length or details_length
        if model.capabilities and context_length:
            return ModelFacts(
                name=model.name,
                capabilities=frozenset(model.capabilities),
                context_length=context_length,
            )
        # An older Ollama lists names only.
        async with self._show_slots:
            return await self._look_up(model.name)

    async def _look_up(self, name: str) -> ModelFacts:
        known = self._facts.get(name)
        if known is not None and self._clock.monotonic() < known[0]:
            return known[1]
        shown = await self._ask("POST", "/api/show", {"model": name}, ShownModel, model=name)
        facts = read_facts(name, shown)
        self._facts[name] = (self._clock.monotonic() + FACTS_TTL_S, facts)
        return facts

    async def _ask(
        self, method: str, path: str, payload: object, shape: type[Shape], *, model: str
    ) -> Shape:
        try:
            body = await self._http.fetch(method, path, payload, timeout_s=LOOKUP_TIMEOUT_S)
        except OllamaError as exc:
            raise translate_error(exc, model=model, base_url=self._http.base_url) from exc
        try:
            return msgspec.json.decode(body, type=shape)
        except BROKEN_JSON as exc:
            raise broken_response(self._http.base_url) from exc


def read_facts(name: str, shown: ShownModel) -> ModelFacts:
    """Return the facts in an answer of ``/api/show``.

    An Ollama from before capabilities were listed shows them by what its template mentions.
    """
    capabilities = set(shown.capabilities or ())
    if not capabilities:
        capabilities.add("completion")
        if ".Tools" in (shown.template or ""):
            capabilities.add("tools")
    info = shown.model_info or {}
    length = info.get(f"{info.get('general.architecture', '')}.context_length")
    is_length = isinstance(length, int) and not isinstance(length, bool) and length > 0
    return ModelFacts(
        name=name,
        capabilities=frozenset(capabilities),
        context_length=length if is_length else None,
    )
