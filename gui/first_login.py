"""The password the server made at its first start.

Owns reading the file the server leaves for the person at this machine; writing and removing it is
left to the server.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

FILE_NAME = "first-login.txt"
MAX_FILE_BYTES = 4096


class FirstLogin(NamedTuple):
    """A name and a password; never printed or kept."""

    username: str
    password: str

    def __repr__(self) -> str:
        """Name the shape without the password."""
        return f"FirstLogin(username={self.username!r})"


def load_first_login(data_dir: Path | None) -> FirstLogin | None:
    """Read the first password from the data folder.

    Returns:
        ``None`` where there is no such file, this user may not read it, or it is not complete.
    """
    if data_dir is None:
        return None
    try:
        with (data_dir / FILE_NAME).open("rb") as file:
            text = file.read(MAX_FILE_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    pairs = (line.partition("=") for line in text.splitlines())
    values = {name.strip(): value.strip() for name, _, value in pairs}
    username, password = values.get("username", ""), values.get("password", "")
    return FirstLogin(username, password) if username and password else None
