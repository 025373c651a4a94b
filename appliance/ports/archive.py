"""Where messages go before they are deleted for their age.

Owns the port; a folder and an S3-compatible bucket implement it in ``appliance.storage``.
"""

from __future__ import annotations

from typing import Protocol


class Archive(Protocol):
    """Keeps objects by name, for ever."""

    async def put(self, name: str, content: bytes) -> None:
        """Store an object durably, in place of one of the same name.

        Args:
            name: Parts separated by ``/``, each of letters, digits, ``-``, ``_`` and ``.``.
            content: All of it.

        Raises:
            UpstreamError: It was not stored; says why and what to do.
            ConfigurationError: A setting of the archive does not fit.
        """
        ...

    async def close(self) -> None:
        """Give back what it holds open."""
        ...
