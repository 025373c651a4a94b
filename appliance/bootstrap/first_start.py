"""What an installation gets at its first start: its secrets, its first login.

Owns making and keeping them; what they are used for is left to the services.
"""

from __future__ import annotations

import os
from pathlib import Path

from msgspec import Struct

from appliance.domain.ids import new_token
from appliance.storage.repositories.settings import StoredSettings


class OwnSecrets(Struct, frozen=True, kw_only=True):
    """``jwt`` signs access tokens, ``session`` makes sessions' ids out of their opening keys."""

    jwt: str
    session: str


async def ensure_own_secrets(settings: StoredSettings) -> OwnSecrets:
    """Return this installation's own secrets, made when there are none."""
    return OwnSecrets(
        jwt=await _ensure_secret(settings, "jwt_secret"),
        session=await _ensure_secret(settings, "session_secret"),
    )


async def _ensure_secret(settings: StoredSettings, name: str) -> str:
    secret = await settings.get_secret(name)
    if secret is None:
        secret = new_token("", size_bytes=48)
        await settings.put_secret(name, secret)
    return secret


def write_first_login(path: Path, password: str) -> None:
    """Keep the generated password for a panel on this machine, readable by its owner only."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"username=admin\npassword={password}\n")
