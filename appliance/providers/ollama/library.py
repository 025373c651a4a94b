"""Getting models into an Ollama and removing them.

Owns the two requests and what their answers mean; which models there are is known by ``models``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import msgspec
from msgspec import Struct

from appliance.domain.json_types import BROKEN_JSON
from appliance.errors import NotFound, Rejected, Unavailable
from appliance.ports.model_library import PullProgress
from appliance.providers.ollama.failures import translate_error
from appliance.providers.ollama.http import OllamaError, OllamaHttp, broken_response

SILENCE_S = 300.0
"""Ollama says nothing while it checks what it got, which takes minutes for a large model."""
DELETE_TIME_S = 30.0
MAX_SHOWN_CHARS = 200
UNKNOWN_WORDS = ("file does not exist", "not found", "invalid model name")


class _Line(Struct):
    status: str = ""
    completed: int | None = None
    total: int | None = None
    error: str | None = None


class OllamaLibrary:
    """Implements ``ModelLibrary``; ``on_change`` is called when there is another model, or less."""

    def __init__(self, http: OllamaHttp, on_change: Callable[[], None]) -> None:
        self._http = http
        self._on_change = on_change

    async def pull(self, model: str) -> AsyncGenerator[PullProgress, None]:
        """Get ``model`` as ``ModelLibrary.pull`` promises."""
        try:
            lines = await self._http.open_lines(
                "/api/pull", {"model": model, "stream": True}, timeout_s=SILENCE_S
            )
        except OllamaError as exc:
            raise self._explain(exc.text, model) from exc
        async with aclosing(lines):
            while received := await lines.read(timeout_s=SILENCE_S):
                for line in map(self._read, received):
                    if line.error is not None:
                        raise self._explain(line.error, model)
                    if line.status == "success":
                        self._on_change()
                    yield PullProgress(
                        status=line.status, completed_bytes=line.completed, total_bytes=line.total
                    )
                    if line.status == "success":
                        return
        raise broken_response(self._http.base_url)

    async def delete(self, model: str) -> None:
        """Remove ``model`` as ``ModelLibrary.delete`` promises."""
        try:
            await self._http.fetch(
                "DELETE", "/api/delete", {"model": model}, timeout_s=DELETE_TIME_S
            )
        except OllamaError as exc:
            if exc.status == 404:
                raise NotFound(f"Ollama has no model {model!r}.", code="model_not_found") from exc
            raise translate_error(exc, model=model, base_url=self._http.base_url) from exc
        finally:
            self._on_change()

    def _read(self, line: bytes) -> _Line:
        try:
            return msgspec.json.decode(line, type=_Line)
        except BROKEN_JSON as exc:
            raise broken_response(self._http.base_url) from exc

    def _explain(self, text: str, model: str) -> Rejected | Unavailable:
        """Return the error; the text speaks of registry and disk, so the operator may read it."""
        if any(words in text.lower() for words in UNKNOWN_WORDS):
            return Rejected(
                f"Ollama's library has no model {model!r}; ollama.com/library lists them.",
                code="model_not_found",
            )
        return Unavailable(
            f"Ollama could not get the model {model!r}: {text[:MAX_SHOWN_CHARS]}",
            code="pull_failed",
        )
