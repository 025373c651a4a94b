"""Where things lie on this machine.

Owns the places of data, cache, logs and shipped resources, also in the frozen program; creating
them is left to ``appliance.storage.data_folder``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import platformdirs
from msgspec import Struct


def is_frozen() -> bool:
    """Say whether this is the packaged program and not a checkout."""
    return bool(getattr(sys, "frozen", False))


def resource_root() -> Path:
    """Return the folder that holds the widget bundle and the bundled workflows.

    In the packaged program that is PyInstaller's content folder, else the checkout.
    """
    if is_frozen():
        return Path(sys._MEIPASS)  # type: ignore[attr-defined]
    return Path(__file__).resolve().parent.parent


def widget_bundle() -> Path:
    """Return the built ``widget.js``."""
    return resource_root() / "widget" / "dist" / "widget.js"


def bundled_workflows() -> Path:
    """Return the folder of workflow exports that ship with the program."""
    return resource_root() / "bundled-workflows"


def default_data_dir() -> Path:
    """Return the platform's user data folder of this program."""
    return Path(platformdirs.user_data_dir("csai-appliance", appauthor=False))


class DataPaths(Struct, frozen=True):
    """The places inside one data folder."""

    root: Path

    @property
    def database(self) -> Path:
        """The SQLite database."""
        return self.root / "database" / "csai.sqlite3"

    @property
    def key_file(self) -> Path:
        """The key that encrypts stored secrets; outside the database folder on purpose."""
        return self.root / "keys" / "secrets.key"

    @property
    def cache(self) -> Path:
        """The disk cache; may be deleted at any time."""
        return self.root / "cache"

    @property
    def backups(self) -> Path:
        """Where backups go unless the operator named another folder."""
        return self.root / "backups"

    @property
    def work(self) -> Path:
        """Where backups are prepared and checked; nothing in it outlives that."""
        return self.root / "work"

    @property
    def widget_releases(self) -> Path:
        """The widget's files of the last releases: pages that were cached ask for them by name."""
        return self.root / "widget"

    @property
    def log_file(self) -> Path:
        """The newest log file, JSON lines."""
        return self.root / "logs" / "csai.log"

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders that must exist before anything is kept in them."""
        return self.database.parent, self.key_file.parent, self.log_file.parent

    @property
    def first_login(self) -> Path:
        """The generated first password, for a panel on this machine; readable by its owner only."""
        return self.root / "first-login.txt"

    @property
    def prices_file(self) -> Path:
        """What the operator knows better of the prices of models."""
        return self.root / "prices.toml"

    @property
    def config_file(self) -> Path:
        """The operator's settings file."""
        return self.root / "config.toml"
