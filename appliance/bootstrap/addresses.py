"""Where the two listeners are.

Owns choosing free ports and the addresses that are shown; listening is left to ``appliance.web``.
"""

from __future__ import annotations

from appliance.errors import ConfigurationError
from appliance.settings import Settings
from appliance.web.listeners import choose_port

Addresses = tuple[tuple[str, int], tuple[str, int]]
"""Host and port of the public and of the admin listener."""


def choose_addresses(settings: Settings) -> Addresses:
    """Return where the two listeners will listen.

    Raises:
        ConfigurationError: A port is taken, or both are the same.
    """
    port = choose_port(settings.host, settings.port, setting="CSAI_PORT")
    admin_port = choose_port(settings.admin_host, settings.admin_port, setting="CSAI_ADMIN_PORT")
    if (settings.host, port) == (settings.admin_host, admin_port):
        raise ConfigurationError(
            "The public and the admin listener need different ports. Change CSAI_PORT or "
            "CSAI_ADMIN_PORT.",
            setting="CSAI_ADMIN_PORT",
        )
    return (settings.host, port), (settings.admin_host, admin_port)


def build_url(host: str, port: int) -> str:
    """Return the address under which this machine reaches a listener."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}"
