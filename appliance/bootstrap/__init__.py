"""The composition root: the only place where concrete classes meet."""

from appliance.bootstrap.secrets import read_secrets_status, rotate_secrets
from appliance.bootstrap.server import Appliance, open_appliance
from appliance.bootstrap.stores import (
    Stores,
    open_stores,
    open_stores_alone,
    open_stores_beside_server,
)

__all__ = [
    "Appliance",
    "Stores",
    "open_appliance",
    "open_stores",
    "open_stores_alone",
    "open_stores_beside_server",
    "read_secrets_status",
    "rotate_secrets",
]
