"""What answers visitors, one folder per provider; see ``registry``."""

from appliance.providers.registry import ProviderParts, build_providers

__all__ = ["ProviderParts", "build_providers"]
