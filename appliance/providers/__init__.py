"""Who answers, one folder per provider; see ``registry``."""

from appliance.providers.registry import ProviderDependencies, build_providers

__all__ = ["ProviderDependencies", "build_providers"]
