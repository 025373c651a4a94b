"""The signature by which a webhook knows who calls.

Owns its form: ``X-CSAI-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">``.
"""

from __future__ import annotations

import hashlib
import hmac

HEADER = "X-CSAI-Signature"


def sign(body: bytes, *, secret: str, at_unix_s: int) -> str:
    """Return the header's value for ``body`` sent at ``at_unix_s``."""
    signed = str(at_unix_s).encode() + b"." + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={at_unix_s},v1={digest}"
