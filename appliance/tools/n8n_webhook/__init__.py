"""Tools behind a webhook, n8n's above all; see ``executor``."""

from appliance.ports.tool_executor import ToolExecutor
from appliance.tools.n8n_webhook.executor import WebhookExecutor
from appliance.tools.registry import ToolParts

__all__ = ["WebhookExecutor", "build"]


def build(parts: ToolParts) -> ToolExecutor:
    """Return the executor of webhook tools."""
    return WebhookExecutor(
        parts.webhooks,
        parts.clock,
        credentials=parts.credentials,
        integrations=parts.integrations,
        signing_secret=parts.signing_secret,
    )
