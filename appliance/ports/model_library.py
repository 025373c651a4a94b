"""Models that are kept on the operator's own machine.

Owns the port for getting and removing them; answering with them is ``ports.chat_model``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from msgspec import Struct


class PullProgress(Struct, frozen=True, kw_only=True):
    """How far getting a model is: what is done now, and how much of this piece is here."""

    status: str
    completed_bytes: int | None = None
    total_bytes: int | None = None


class ModelLibrary(Protocol):
    """Gets and removes models."""

    def pull(self, model: str) -> AsyncGenerator[PullProgress, None]:
        """Get ``model`` and tell how it goes; it is there when this ends.

        Closing the generator early stops it; what is here already is kept for the next time.

        Raises:
            Unavailable: It cannot be got now.
            Rejected: There is no such model.
        """
        ...

    async def delete(self, model: str) -> None:
        """Remove ``model``.

        Raises:
            Unavailable: The server does not answer.
            NotFound: It is not installed.
            Rejected: The server refuses.
        """
        ...
