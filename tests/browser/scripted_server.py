"""The widget's own scripted server, for states that no real server can be held in.

Owns starting and ending the process; what it answers is its script's (`npm run preview`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "widget" / "test"
NOW = "2026-03-14T13:05:00Z"
"""The scripted server's clock stands still."""


@contextmanager
def run_scripted_server(
    script: str = "fake-server-cli.mjs", *arguments: str, delay_ms: int = 0
) -> Iterator[str]:
    """Start the server with one of its scripts on a free port and return its origin.

    ``delay_ms`` pass between words.
    """
    node = shutil.which("node")
    assert node is not None, "Node is missing; the widget is built with it."
    command = [node, str(SCRIPTS / script), *arguments]
    environment = {"PATH": os.environ["PATH"], "NOW": NOW, "DELAY_MS": str(delay_ms)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().decode().strip().rstrip("/")
        finally:
            process.terminate()
