"""Shops at Shopify; see ``kind``."""

from appliance.integrations.access_tokens import AccessTokens
from appliance.integrations.http_system import HttpSystems
from appliance.integrations.registry import IntegrationParts
from appliance.integrations.shopify.kind import ShopifyKind
from appliance.integrations.shopify.throttling import CostAwareHttp
from appliance.ports.integrations import IntegrationKind

__all__ = ["ShopifyKind", "build"]


def build(parts: IntegrationParts) -> IntegrationKind:
    """Return the type ``shopify``."""
    systems = HttpSystems(CostAwareHttp(parts.http), parts.clock)
    return ShopifyKind(systems, AccessTokens(parts.http, parts.clock), parts.clock)
