"""Systems with a JSON API; see ``kind``."""

from appliance.integrations.access_tokens import AccessTokens
from appliance.integrations.http_system import HttpSystems
from appliance.integrations.registry import IntegrationParts
from appliance.integrations.rest.kind import RestKind
from appliance.ports.integrations import IntegrationKind

__all__ = ["RestKind", "build"]


def build(parts: IntegrationParts) -> IntegrationKind:
    """Return the type ``rest``."""
    systems = HttpSystems(parts.http, parts.clock)
    return RestKind(systems, AccessTokens(parts.http, parts.clock), parts.clock)
