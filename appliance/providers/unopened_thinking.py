"""Keeps from the visitor what a model thinks when only the prompt opened it.

Some chat templates write ``<think>`` at the end of the prompt. Where the server does not keep the
thinking apart, the answer begins in the middle of it, and only ``</think>`` tells, when all of it
has been written. What was shown cannot be taken back (docs/adr/0021), so the answer of a model
that is expected to think is held until that tag comes, or to its end. Expected is

- whose answers closed what they had not opened before: for as long as the program runs;
- whose name says so, until one whole answer came without the tag: then it streams.

Any other model streams. When such a tag does come, what is not shown yet is dropped, the answer
goes on behind it, and the next answers are held: a model of another name shows its thinking once at
most. Thinking that its length cut off, and so never closed, is not shown.

Owns that judgement and its memory; blocks that an answer opens itself are left to
``appliance.providers.thinking``, which comes first.
"""

from __future__ import annotations

import re

from appliance.domain.tool import ToolCall
from appliance.providers.thinking import CLOSINGS, find_beginning
from appliance.tool_spelling import AnswerReader

_TAGS = tuple(CLOSINGS.values())
_CLOSING = re.compile("|".join(map(re.escape, _TAGS)), re.IGNORECASE)
_THINKERS = re.compile(
    r"(?<![a-z])r1(?![a-z0-9])|qwq|exaone-deep|minimax-m2|(?<!non-)(?<!no-)(?:think|reason)",
    re.IGNORECASE,
)
"""Names of models that always think, in templates that open it: deepseek-r1, qwen3-…-thinking."""
_QUOTES = frozenset("\"'`“”„‘’״׳«»()")


class ThinkingHabits:
    """What is known of which of a provider's models think in their answers."""

    def __init__(self) -> None:
        self._closes: dict[str, bool] = {}

    def read(self, content: AnswerReader, model: str) -> AnswerReader:
        """Return a reader of one answer of ``model`` that gives ``content`` no thinking."""
        return _UnopenedThinking(content, self, model)

    def is_expected(self, model: str) -> bool:
        """Say whether the next answer of ``model`` may begin in its thinking."""
        return self._closes.get(model, bool(_THINKERS.search(model)))

    def note(self, model: str, *, closed: bool) -> None:
        """Remember whether a whole answer closed what it had not opened; once is for ever."""
        self._closes[model] = closed or self._closes.get(model, False)


class _UnopenedThinking:
    """Reads one answer; see the module."""

    def __init__(self, content: AnswerReader, habits: ThinkingHabits, model: str) -> None:
        self._content = content
        self._habits = habits
        self._model = model
        self._is_expected = habits.is_expected(model)
        self._text = ""
        self._searched = 0
        self._passed = 0
        self._has_shown = False
        self._is_behind = False

    def feed(self, text: str) -> str:
        """Take more text and return what of it the visitor may read now."""
        if self._is_behind:
            return self._show(text)
        self._text += text
        return self._read(is_whole=False)

    def finish(self, *, is_cut: bool = False) -> tuple[str, tuple[ToolCall, ...]]:
        """Return the rest for the visitor and the calls that the text spelled out.

        Raises:
            UnreadableAnswer: As ``content`` does.
        """
        shown = "" if self._is_behind else self._read(is_whole=True)
        if not self._is_behind:
            if not (is_cut and self._is_expected):
                shown += self._pass(len(self._text))
            if not is_cut and self._text.strip():
                self._habits.note(self._model, closed=False)
        rest, calls = self._content.finish(is_cut=is_cut)
        return shown + rest, calls

    def _read(self, *, is_whole: bool) -> str:
        """Look for the tag; return what can be shown."""
        while found := _CLOSING.search(self._text, self._searched):
            if found.end() == len(self._text) and not (is_whole or self._is_expected):
                return self._pass_if_free(found.start())
            self._searched = found.end()
            if self._closes_thinking(found):
                return self._leave_thinking(found)
        end = find_beginning(self._text, _TAGS)
        self._searched = max(self._searched, end)
        return self._pass_if_free(end)

    def _closes_thinking(self, tag: re.Match[str]) -> bool:
        """Say whether it is more than a word of the answer: quoted, or amid others."""
        if self._is_expected:
            return True
        before, behind = self._text[: tag.start()], self._text[tag.end() :][:1]
        line = before.rpartition("\n")[2]
        if line.count("`") % 2 or before.count("```") % 2:
            return False
        around = {before[-1:], behind}
        return not (around <= _QUOTES or around == {" "})

    def _leave_thinking(self, tag: re.Match[str]) -> str:
        self._is_behind = True
        self._habits.note(self._model, closed=True)
        answer, self._text = self._text[tag.end() :], ""
        gap = "\n\n" if self._has_shown else ""
        self._has_shown = False
        return gap + self._show(answer)

    def _show(self, text: str) -> str:
        """Give the answer on, without the blanks in front of it."""
        if not self._has_shown:
            text = text.lstrip()
            self._has_shown = bool(text)
        return self._content.feed(text) if text else ""

    def _pass_if_free(self, end: int) -> str:
        return "" if self._is_expected else self._pass(end)

    def _pass(self, end: int) -> str:
        text, self._passed = self._text[self._passed : end], max(self._passed, end)
        shown = self._content.feed(text) if text else ""
        self._has_shown = self._has_shown or bool(shown.strip())
        return shown
