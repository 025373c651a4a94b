"""What the panel is started with.

Owns the options and their defaults; reading them from a command line is left to ``gui.__main__``.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

ThemeChoice = Literal["system", "light", "dark"]

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


def build_default_server_command() -> tuple[str, ...]:
    """Build the command that starts the server from the program this panel runs in.

    A frozen program is its own server; from a source tree it is the module of the same interpreter.
    """
    if getattr(sys, "frozen", False):
        return (sys.executable, "serve")
    return (sys.executable, "-m", "appliance", "serve")


@dataclass(frozen=True, kw_only=True)
class PanelOptions:
    """Where the server is, how to start it, and how the window opens.

    ``data_dir`` and ``settings_file`` are ``None`` where the platform's own folders are meant.
    ``screenshot`` renders the window without a display into that file and ends.
    """

    data_dir: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8080
    admin_host: str = "127.0.0.1"
    admin_port: int = 8081
    server_command: tuple[str, ...] = field(default_factory=build_default_server_command)
    page: str = "overview"
    theme: ThemeChoice | None = None
    window_size: tuple[int, int] | None = None
    screenshot: Path | None = None
    settings_file: Path | None = None

    @property
    def admin_url(self) -> str:
        """The admin listener's root, without a trailing slash."""
        host = f"[{self.admin_host}]" if ":" in self.admin_host else self.admin_host
        return f"http://{host}:{self.admin_port}"

    @property
    def public_url(self) -> str:
        """The public listener's root as this machine reaches it, without a trailing slash."""
        reachable = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host
        host = f"[{reachable}]" if ":" in reachable else reachable
        return f"http://{host}:{self.port}"

    @property
    def is_local(self) -> bool:
        """Whether the admin listener is on this machine, so that the panel may start it."""
        return self.admin_host in LOOPBACK_HOSTS

    def build_server_command(self, *, is_tied: bool) -> list[str]:
        """Build the command line of the server.

        Args:
            is_tied: The server must stop when the panel's end of its standard input closes.
        """
        command = [*self.server_command]
        if self.data_dir is not None:
            command += ["--data-dir", str(self.data_dir)]
        command += ["--host", self.host, "--port", str(self.port)]
        command += ["--admin-host", self.admin_host, "--admin-port", str(self.admin_port)]
        if is_tied:
            command.append("--stop-on-stdin-eof")
        return command
