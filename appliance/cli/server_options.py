"""The flags that every command with a server has.

Owns their names and help; their meaning and checks are in ``appliance.settings``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

_FLAGS = (
    ("--data-dir", "Where everything is kept."),
    ("--host", "Address of the public listener."),
    ("--port", "Port of the public listener; 0 takes a free one."),
    ("--admin-host", "Address of the admin listener."),
    ("--admin-port", "Port of the admin listener; 0 takes a free one."),
    ("--llm-provider", "Who answers: auto, ollama or builtin."),
)


def server_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the server's flags to a command; each is ``None`` where it was not given."""
    for flag, text in reversed(_FLAGS):
        function = click.option(flag, default=None, help=text)(function)
    return function
