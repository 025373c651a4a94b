"""Keeps a model's thinking from the visitor.

Owns the filter for models that think inside their answer's text; where a server keeps thinking
apart or can be asked for none, its provider sees to that.
"""

from __future__ import annotations

OPENING = "<think>"
CLOSING = "</think>"


class ThinkingFilter:
    """Drops one thinking block at the very start of an answer, however it is cut into pieces.

    The same tags later in the text are the answer's own and stay.
    """

    def __init__(self) -> None:
        self._held = ""
        self._state = "start"

    def feed(self, text: str) -> str:
        """Take more text and return what of it is the answer."""
        if self._state == "answer":
            return text
        self._held += text
        if self._state == "start":
            seen = self._held.lstrip()
            if not seen.startswith(OPENING):
                return "" if OPENING.startswith(seen) else self._release(self._held)
            self._state = "thinking"
        if self._state == "thinking":
            _, closing, rest = self._held.partition(CLOSING)
            if not closing:
                # Only a beginning of the closing tag can still matter.
                self._held = self._held[-len(CLOSING) :]
                return ""
            self._held = rest
            self._state = "gap"
        answer, self._held = self._held.lstrip(), ""
        return self._release(answer) if answer else ""

    def finish(self) -> str:
        """Return held text that turned out to be the answer."""
        return self._release(self._held) if self._state == "start" else ""

    def _release(self, text: str) -> str:
        self._held = ""
        self._state = "answer"
        return text
