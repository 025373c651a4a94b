"""Programs that speak MCP on this machine, as its owner registers them in ``config.toml``.

Owns the shape; nothing that a tenant says ever becomes one.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

ServerName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,39}$(?!\n)")]
Text = Annotated[str, Meta(min_length=1, max_length=4_000)]


class McpProgram(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A program and whom it serves.

    ``environment`` is all that the program gets beside the account's own basics (``PATH``, ``HOME``
    and their like); ``tenants`` are the ids of those who may connect it, ``*`` for all.
    """

    command: Text
    arguments: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    folder: Text | None = None
    tenants: list[Text]

    def serves(self, tenant_id: str) -> bool:
        """Say whether this tenant may connect it."""
        return tenant_id in self.tenants or "*" in self.tenants
