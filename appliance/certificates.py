"""Whose certificates the program trusts when it connects to others.

Owns the one way to build a client's TLS context; whom to connect to is left to the callers.
"""

from __future__ import annotations

import ssl

import certifi


def build_client_tls() -> ssl.SSLContext:
    """Return a context that trusts the machine's certificates and Mozilla's.

    A packaged program finds no certificates on some machines; a company's own are nowhere else.
    Loading takes milliseconds and megabytes: call it when a connection needs it, not before.
    """
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context
