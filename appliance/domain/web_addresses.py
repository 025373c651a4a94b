"""What is an address of the web.

Owns the form alone; where the appliance may send is left to ``appliance.egress``.
"""

from __future__ import annotations

from urllib.parse import urlsplit


def is_web_address(text: str) -> bool:
    """Say whether ``text`` is an absolute http or https address as browsers write it: in ASCII."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    is_plain = text.isascii() and text.isprintable() and " " not in text
    return is_plain and parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0
