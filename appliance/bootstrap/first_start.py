"""What an installation gets at its first start: its token secret, its first login.

Owns making and keeping them; what they are used for is left to the services.
"""

from __future__ import annotations

import os
from pathlib import Path

from appliance.domain.ids import new_token
from appliance.storage.repositories.settings import StoredSettings

JWT_SECRET = "jwt_secret"


async def ensure_jwt_secret(settings: StoredSettings) -> str:
    """Return the secret that signs access tokens."""
    secret = await settings.get_secret(JWT_SECRET)
    if secret is None:
        secret = new_token("", size_bytes=48)
        await settings.put_secret(JWT_SECRET, secret)
    return secret


def write_first_login(path: Path, password: str) -> None:
    """Keep the generated password for a panel on this machine, readable by its owner only."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"username=admin\npassword={password}\n")
