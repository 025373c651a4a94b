"""What it means to read a model's text, in whichever form the model was asked to write.

Owns the protocol of the readers and the reader of plain prose.
"""

from __future__ import annotations

from typing import Protocol

from appliance.domain.tool import ToolCall


class UnreadableAnswer(ValueError):
    """The text neither says anything nor calls a tool; providers translate it."""


class AnswerReader(Protocol):
    """Reads the text of one answer, piece by piece."""

    def feed(self, text: str) -> str:
        """Take more text and return what of it the visitor may read now."""
        ...

    def finish(self, *, is_cut: bool = False) -> tuple[str, tuple[ToolCall, ...]]:
        """Return the rest for the visitor and the calls that the text spelled out.

        The calls have no id yet. ``is_cut`` says that the model was stopped before it was done.

        Raises:
            UnreadableAnswer: There is nothing to show and nothing to call.
        """
        ...


class ProseReader:
    """Everything the model writes is for the visitor."""

    def feed(self, text: str) -> str:
        """Return ``text``."""
        return text

    def finish(self, *, is_cut: bool = False) -> tuple[str, tuple[ToolCall, ...]]:
        """Return nothing more."""
        return "", ()
