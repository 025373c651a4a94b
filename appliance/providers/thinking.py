"""Keeps from the visitor what a model thinks in its answer's text, where the answer opens it.

Owns the filter for blocks at the very start of an answer, in the spellings that models are trained
on. What only the prompt opened is left to ``appliance.providers.unopened_thinking``; where a server
keeps thinking apart or can be asked for none, its provider sees to that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

CLOSINGS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<seed:think>": "</seed:think>",
    "[think]": "[/think]",
    "◁think▷": "◁/think▷",
}
"""What opens thinking, in lower case, and what closes it."""
_CHANNELS = {"analysis": False, "commentary": True, "final": True}
"""The channels of OpenAI's harmony format, raw, and whether the visitor reads them.

A call is a commentary too, but with its tool's name in the header; it is left as it is.
"""
_TOKENS = ("<|end|>", "<|return|>", "<|start|>", "<|channel|>")


class _Block(Struct, frozen=True):
    """A part of an answer up to one of ``ends``, of which ``eaten`` belong to it."""

    ends: tuple[str, ...]
    end: re.Pattern[str]
    eaten: tuple[str, ...]
    is_shown: bool = False


def _block(ends: tuple[str, ...], eaten: tuple[str, ...], *, is_shown: bool = False) -> _Block:
    pattern = re.compile("|".join(map(re.escape, ends)), re.IGNORECASE)
    return _Block(ends, pattern, eaten, is_shown)


_BLOCKS = {opening: _block((closing,), (closing,)) for opening, closing in CLOSINGS.items()} | {
    f"{start}<|channel|>{name}<|message|>": _block(_TOKENS, _TOKENS[:2], is_shown=is_shown)
    for start in ("", "<|start|>assistant")
    for name, is_shown in _CHANNELS.items()
}


class ThinkingFilter:
    """Drops thinking at the very start of an answer, however it is cut into pieces.

    The same tags later in the text are the answer's own and stay.
    """

    def __init__(self) -> None:
        self._held = ""
        self._block: _Block | None = None
        self._is_behind = False
        self._is_plain = False

    def feed(self, text: str) -> str:
        """Take more text and return what of it is the answer."""
        self._held += text
        shown = ""
        while self._held and not self._is_plain:
            before = self._held
            shown += self._leave_block() if self._block else self._enter_block()
            if self._held == before and not self._is_plain:
                return shown
        shown, self._held = shown + self._held, ""
        return shown

    def finish(self) -> str:
        """Return held text that turned out to be the answer."""
        is_thought = self._block is not None and not self._block.is_shown
        shown, self._held = "" if is_thought else self._held, ""
        return shown

    def _enter_block(self) -> str:
        """Enter a block that begins here; nothing changes while that cannot be told."""
        seen = self._held.lstrip()
        if self._is_behind:
            self._held = seen
        for opening, block in _BLOCKS.items():
            if seen[: len(opening)].lower() == opening:
                self._block, self._held = block, seen[len(opening) :]
                return ""
        self._is_plain = not any(opening.startswith(seen.lower()) for opening in _BLOCKS)
        return ""

    def _leave_block(self) -> str:
        """Return what of the block is shown, and leave it where it ends."""
        block = self._block
        assert block is not None
        found = block.end.search(self._held)
        if found is None:
            end = rest_from = find_beginning(self._held, block.ends)
        else:
            end = found.start()
            rest_from = found.end() if found[0].lower() in block.eaten else end
            self._block, self._is_behind = None, True
        shown, self._held = self._held[:end], self._held[rest_from:]
        return shown if block.is_shown else ""


def find_beginning(text: str, tags: Iterable[str]) -> int:
    """Return where at the end of ``text`` one of ``tags`` may have begun, its length if none."""
    longest = max(map(len, tags))
    for start in range(max(len(text) - longest + 1, 0), len(text)):
        tail = text[start:].lower()
        if any(tag.startswith(tail) for tag in tags):
            return start
    return len(text)
