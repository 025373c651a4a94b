"""Reads an answer in which a model may call tools in its text, while it is written.

Owns what is shown at once and what is held back; what a held text says is told by ``free_text``.
"""

from __future__ import annotations

from collections.abc import Sequence

from appliance.domain.tool import ToolCall, ToolSpec
from appliance.tool_spelling.free_text import read_free_text
from appliance.tool_spelling.openings import CANDIDATE, Verdict, judge_opening
from appliance.tool_spelling.reading import UnreadableAnswer
from appliance.tool_spelling.tool_names import KnownTools

LINE_START = "\n"


class FreeReader:
    """Shows prose as it comes, and nothing of a call.

    Text is held while it can still become a call: from its first character until that is decided,
    and then to the end of the answer.
    """

    def __init__(self, tools: Sequence[ToolSpec]) -> None:
        self._tools = KnownTools(tools)
        self._context = LINE_START
        self._blanks: list[str] = []
        self._pending = ""
        self._call: list[str] = []
        self._has_shown = False

    def feed(self, text: str) -> str:
        """Take more text and return what of it the visitor may read now."""
        if self._call:
            self._call.append(text)
            return ""
        window = self._context + self._pending + text
        end = len(window)
        self._pending = ""
        for candidate in CANDIDATE.finditer(window, 1):
            at = candidate.end() - 1
            verdict = judge_opening(window, at, self._tools)
            if verdict is not Verdict.NO:
                end = at
                if verdict is Verdict.YES:
                    self._call.append(window[at:])
                else:
                    self._pending = window[at:]
                break
        return self._show(window[1:end])

    def _show(self, text: str) -> str:
        """Return ``text``; blanks at the very start only count if words follow."""
        if not text:
            return ""
        if text[-1:].isspace() and ("\n" in text or self._context == LINE_START):
            is_in_blank_line = not text.rpartition("\n")[2].strip()
        else:
            is_in_blank_line = False
        self._context = LINE_START if is_in_blank_line else text[-1]
        if not self._has_shown:
            self._blanks.append(text)
            if text.isspace():
                return ""
            self._has_shown = True
            return "".join(self._blanks)
        return text

    def finish(self, *, is_cut: bool = False) -> tuple[str, tuple[ToolCall, ...]]:
        """Return the rest for the visitor, and the calls.

        Args:
            is_cut: Whether the model was stopped before it was done.

        Raises:
            UnreadableAnswer: There is nothing but the beginning of a call.
        """
        held = "".join(self._call) or self._pending
        reading = read_free_text(self._context + held, 1, self._tools, is_cut=is_cut)
        text = reading.text
        if not self._has_shown:
            text = "".join(self._blanks) + text
            if reading.calls and not text.strip():
                text = ""
        if reading.is_cut and not reading.calls and not (self._has_shown or text.strip()):
            raise UnreadableAnswer("the answer ends within a call")
        return text, reading.calls
