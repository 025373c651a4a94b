"""How a visitor's session gets its id.

Owns making ids, so that a first message that is sent again gets the same one; which conversation an
id leads to is left to the turn store.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from appliance.domain.ids import SESSION_PREFIX, TenantId, new_token

ID_BYTES = 24


class SessionIds:
    """Makes ids that nobody outside can guess or choose.

    Args:
        secret: This installation's own; whoever knows it and an opening key knows the session id.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def make(self, tenant_id: TenantId, *, opening_key: str | None) -> str:
        """Return a new id, or the one id that belongs to ``opening_key``, a visitor's own secret.

        The key is no session id: without the secret nothing follows from it, and whoever shows it
        must also send again the very message that it came with.
        """
        if opening_key is None:
            return new_token(SESSION_PREFIX, size_bytes=ID_BYTES)
        text = f"{tenant_id}\x1f{opening_key}".encode()
        digest = hmac.new(self._secret, text, hashlib.sha256).digest()
        return SESSION_PREFIX + base64.urlsafe_b64encode(digest[:ID_BYTES]).decode()
