"""Tools behind a webhook, n8n's above all; see ``executor``."""

from appliance.ports.tool_executor import ToolExecutor
from appliance.tools.n8n_webhook.executor import WebhookExecutor
from appliance.tools.registry import ToolDependencies

__all__ = ["WebhookExecutor", "build"]


def build(dependencies: ToolDependencies) -> ToolExecutor:
    """Return the executor of webhook tools."""
    return WebhookExecutor(
        dependencies.http, dependencies.clock, signing_secret=dependencies.signing_secret
    )
