"""The one client through which tenant-configured addresses are reached; see ``client``."""

from appliance.egress.client import EgressClient

__all__ = ["EgressClient"]
