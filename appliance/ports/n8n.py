"""The operator's own n8n: looking at its workflows, and putting ours into it.

Owns the port and its shapes; calling a tool's webhook is left to ``tool_executor``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from appliance.domain.json_types import JsonObject


class N8nWebhook(Struct, frozen=True, kw_only=True):
    """One webhook of a workflow, and its two addresses.

    ``test_url`` answers one call after "Execute workflow" was pressed in n8n's editor,
    ``production_url`` while the workflow is published. ``authentication`` is ``none``, or the kind
    that n8n asks of a caller.
    """

    node: str
    method: str
    path: str
    authentication: str
    test_url: str
    production_url: str


class N8nWorkflow(Struct, frozen=True, kw_only=True):
    """A workflow in n8n; ``is_active`` when it is published."""

    id: str
    name: str
    is_active: bool
    webhooks: list[N8nWebhook]


class N8nServer(Protocol):
    """An n8n. Every method but ``check`` needs its API key.

    Raises:
        ConfigurationError: No key was set (``n8n_key_missing``).
        AuthFailed: n8n refuses the key (``n8n_key_refused``), or the key or the licence does not
            reach as far (``n8n_forbidden``).
        Unavailable: It cannot be reached (``n8n_unreachable``) or failed (``n8n_failed``).
        Rejected: What answers has no public API (``n8n_api_off``), or n8n did not take what was
            sent (``n8n_refused``).
    """

    @property
    def url(self) -> str:
        """Its address, as the operator set it, without a slash at the end."""
        ...

    async def check(self) -> None:
        """Return when it is up, and raise when it is not."""
        ...

    async def list_workflows(self) -> Sequence[N8nWorkflow]:
        """Return all workflows that are not archived, by name."""
        ...

    async def create_workflow(self, export: JsonObject) -> N8nWorkflow:
        """Store a workflow, not yet published."""
        ...

    async def replace_workflow(self, workflow_id: str, export: JsonObject) -> N8nWorkflow:
        """Store a workflow in place of the one of this id.

        Raises:
            NotFound: There is none.
        """
        ...

    async def publish_workflow(self, workflow_id: str) -> N8nWorkflow:
        """Make a workflow's webhooks answer.

        Raises:
            NotFound: There is none of this id.
            Conflict: Another published workflow has the same webhook (``n8n_webhook_taken``).
        """
        ...
