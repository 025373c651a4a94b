"""The operator's own n8n, over HTTP; see ``client``."""

from appliance.n8n.client import N8nClient
from appliance.n8n.webhooks import WebhookSender

__all__ = ["N8nClient", "WebhookSender"]
