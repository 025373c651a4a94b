"""Shops at WooCommerce; see ``kind``."""

from appliance.integrations.http_system import HttpSystems
from appliance.integrations.registry import IntegrationParts
from appliance.integrations.woocommerce.kind import WooCommerceKind
from appliance.ports.integrations import IntegrationKind

__all__ = ["WooCommerceKind", "build"]


def build(parts: IntegrationParts) -> IntegrationKind:
    """Return the type ``woocommerce``."""
    return WooCommerceKind(HttpSystems(parts.http, parts.clock), parts.clock)
