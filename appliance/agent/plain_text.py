"""A sentence as one reads it: its words, without the marks in and around them.

Owns which characters are marks (Markdown, brackets, emoji, what is not seen at all), and where a
text only opens something that is not there yet. What words mean is left to
``appliance.agent.claims``.
"""

from __future__ import annotations

import re
import unicodedata

EMOJI = "✅"
"""Stands for any emoji in a reading that keeps them."""

_QUOTES = dict.fromkeys(map(ord, "’‘‛´＇׳"), "'") | dict.fromkeys(map(ord, "“”„״«»"), '"')
_OWN = {"*": "", "_": "", "`": "", "~": "", "\u05be": "-", "\u05c0": "", "\u05c3": "", "\u05c6": ""}
_BY_CATEGORY = {
    **dict.fromkeys(("Ps", "Pe"), " "),
    **dict.fromkeys(("Cc", "Cf", "Mn", "Me"), ""),
    **dict.fromkeys(("So", "Sk", "Cn", "Co", "Cs"), f" {EMOJI} "),
}
_TAG = re.compile(r"</?[A-Za-z][\w-]*/?>|(?<=\])\([^()\s]*\)?|\\(?=[^\w\s])|(?<!\S)#+(?!\S)")
"""An HTML tag without attributes, where a Markdown link leads, an escape, a heading's sign."""
_DASH = re.compile(r"(?<!\S)[-–—]+(?!\S)")
_WORD = re.compile(r"\S+")
_RUN = re.compile(r"\n|`+|~~|(?<!\*)\*{1,3}(?!\*)|(?<!_)_{1,3}(?!_)")
_OPENER = re.compile(r"(?:(?<!\S)[^\w\s]+\s+|(?<=\n)\d{1,2}[.)]\s+)+\Z")
"""A bullet, a number, a dash or the like, and no word behind it."""


class _Marks(dict[int, str]):
    """What each character becomes, looked up by its category once."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        kept = char if char.isspace() else _BY_CATEGORY.get(unicodedata.category(char), char)
        self[code] = kept
        return kept


_MARKS = _Marks({ord(char): kept for char, kept in _OWN.items()})


def read_plain(text: str, *, keeps_emoji: bool = False) -> str:
    """Return the words of ``text``: no marks, one blank between them, plain quotes, lower case.

    An emoji may stand for a full stop or for nothing: with ``keeps_emoji`` each is ``EMOJI``.
    """
    plain = unicodedata.normalize("NFKC", _TAG.sub("", text).translate(_QUOTES))
    plain = plain.translate(_MARKS)
    if not keeps_emoji:
        plain = plain.replace(EMOJI, " ")
    return " ".join(_DASH.sub("—", plain).casefold().split())


def find_place(text: str, at: int) -> int:
    """Return where in ``text`` the word begins that ``read_plain`` has at ``at``."""
    reached = 0
    for word in _WORD.finditer(text):
        plain = read_plain(word[0])
        reached += len(plain)
        if at < reached:
            return word.start()
        reached += bool(plain)
    return len(text)


def find_unfinished(text: str, *, behind: str = "\n") -> int:
    """Return where ``text`` opens what is not there yet: emphasis, code, an item of a list.

    Emphasis reaches to the end of its line at most. ``len(text)``: all of it is whole. ``behind``
    is the character in front of it.
    """
    whole, begin = behind + text, len(behind)
    opened: dict[str, int] = {}
    for run in _RUN.finditer(whole, begin):
        mark, before, after = run[0], whole[: run.start()][-1:], whole[run.end() :][:1]
        if mark == "\n":
            opened.clear()
        elif before.strip() and mark in opened:
            start = opened[mark]
            opened = {other: place for other, place in opened.items() if place < start}
        elif after.isspace() or (mark[0] == "_" and before.isalnum()):
            continue
        elif not any(other[0] == "`" for other in opened):
            opened.setdefault(mark, run.start())
    end = min(opened.values(), default=len(whole))
    opener = _OPENER.search(whole, begin, end)
    return (end if opener is None else opener.start()) - begin
