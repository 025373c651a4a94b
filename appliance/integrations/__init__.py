"""What reaches a shop's own systems, one folder per type; see ``registry``."""

from appliance.integrations.registry import IntegrationParts, build_kinds

__all__ = ["IntegrationParts", "build_kinds"]
