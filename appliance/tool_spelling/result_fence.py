"""The fence around a tool's result on its way to a language model.

Owns the form in which a result can neither end its own fence nor pass for a turn of the
conversation; what a result says, and its length, is left to ``appliance.agent.tool_runs``.
"""

from __future__ import annotations

OPENING, CLOSING = "<tool_result>", "</tool_result>"


def fence_result(content: str) -> str:
    """Return ``content`` between the fence's tags, which it cannot close."""
    return f"{OPENING}{escape_result(content)}{CLOSING}"


def escape_result(content: str) -> str:
    """Return ``content`` with every ``<`` escaped as JSON may; JSON keeps its meaning.

    Without a ``<`` there is no closing tag, and none of the markers (``<|im_start|>``, ``</s>``) by
    which some servers tell whose turn a text is.
    """
    return content.replace("<", "\\u003c")
