"""Reads what was meant as JSON: by a small model, by hand, or cut off.

Owns the tolerance for how values are written; what a value means as a tool call is left to
``call_shapes``, what a bare word means under a schema to ``arguments``.

Text without quotes stays a ``Word`` exactly as it was written, numbers included: only the schema
knows whether ``00123`` is a number. One pass, no backtracking, no recursion beyond ``MAX_DEPTH``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from appliance.domain.json_types import JsonValue
from appliance.domain.whole_characters import join_halves

MAX_DEPTH = 32

Missing = Literal["nothing", "closers", "value"]
"""What the end of the text left open: nothing, brackets behind a whole value, or a value itself."""

BLANK = re.compile(r"(?:\s+|//[^\n]*|#[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)*")
CLOSERS = {'"': '"', "'": "'", "`": "`", "“": '“”"', "”": '“”"', "„": '“”"', "‘": "‘’'", "’": "‘’'"}
QUOTES = "".join(CLOSERS)
QUOTE_TOKEN = "<escape>"  # in the place of quotes, in calls of FunctionGemma
BARE_KEY = re.compile(r"[\w$][\w$.-]*(?=\s*(?:=>|[:=]))")
SEPARATOR = re.compile(r"=>|[:=]")
# What may follow a quote or a word that really ends a value.
VALUE_END = re.compile(r"\s*(?:[}\]);]|//|#|/\*|\Z|</|```)")
QUOTED_KEY = rf"""\"(?:[^"\\]|\\.)*\"|[{QUOTES}][^{QUOTES}\n]{{0,64}}[{QUOTES}]"""
NEXT_KEY = re.compile(rf"\s*,?\s*(?:{QUOTED_KEY}|[\w$][\w$.-]{{0,64}})\s*(?:=>|[:=])", re.DOTALL)
NEXT_MEMBER = re.compile(rf"\s*,|\s+[{QUOTES}{{]")
TRAILING_COMMA = re.compile(rf"\s*,\s*(?:[}}\])]|//|#|/\*|[{QUOTES}]?[\w$-]*\Z)")
WORD_STOP = re.compile(r"[,}\]\n;)]|//|\s#|/\*|</|```")
STRING_STOP = re.compile(rf"[\\{QUOTES}]")
SIMPLE_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "\n": "\n"}
HEX_ESCAPE = re.compile(r"u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})")


class Word(str):
    """Text that stood without quotes."""

    __slots__ = ()


class Positional(list[JsonValue]):
    """The arguments of a call that names no parameters."""


class Parsed(Struct, frozen=True):
    """A value, where the text behind it begins, and what its end lacked."""

    value: JsonValue
    end: int
    missing: Missing


class TooDeep(ValueError):
    """The value is nested more deeply than any call."""


def parse_value(text: str, start: int = 0) -> Parsed:
    """Read the object, list or quoted string at ``start``.

    Raises:
        TooDeep: It is nested more than ``MAX_DEPTH`` deep.
    """
    parser = _Parser(text, start)
    value = parser.read_value(in_object=False)
    return Parsed(value, parser.end_of_value(), parser.missing)


def parse_call_arguments(text: str, start: int) -> Parsed:
    """Read what stands between the parentheses of a Python call; ``start`` is behind the first.

    The value is a dict of keyword arguments, or ``Positional``.

    Raises:
        TooDeep: It is nested more than ``MAX_DEPTH`` deep.
    """
    parser = _Parser(text, start)
    value = parser.read_call_arguments()
    return Parsed(value, parser.at, parser.missing)


class _Parser:
    def __init__(self, text: str, start: int) -> None:
        self.text = text
        self.at = start
        self.missing: Missing = "nothing"
        self._depth = 0

    def end_of_value(self) -> int:
        """Return where the value ended: blanks behind what was left open are not part of it."""
        end = self.at
        while self.missing == "closers" and self.text[end - 1].isspace():
            end -= 1
        return end

    def read_value(self, *, in_object: bool) -> JsonValue:
        self._skip_blanks()
        opening = self._peek()
        if opening == "{":
            return self._nested(self._read_object)
        if opening in ("[", "("):
            return self._nested(self._read_list)
        if opening and opening in QUOTES:
            return self._read_string(in_object=in_object)
        return self._read_word(in_object=in_object)

    def read_call_arguments(self) -> JsonValue:
        named: dict[str, JsonValue] = {}
        unnamed = Positional()
        while self._goes_on(")"):
            key = BARE_KEY.match(self.text, self.at)
            if key is not None:
                self.at = key.end()
                self._skip_blanks()
                self.at += len(self._match(SEPARATOR))
                named[key[0]] = self.read_value(in_object=True)
            else:
                start = self.at
                unnamed.append(self.read_value(in_object=False))
                if self.at == start:
                    break
        return named if named or not unnamed else unnamed

    def _nested(self, read: Callable[[], JsonValue]) -> JsonValue:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise TooDeep
        value = read()
        self._depth -= 1
        return value

    def _read_object(self) -> JsonValue:
        self.at += 1
        self._skip_blanks()
        if self._peek() == "{":
            # Doubled braces, as in the templates that models are shown.
            value = self.read_value(in_object=False)
            self._goes_on("}")
            return value
        value = {}
        while self._goes_on("}"):
            key = self._read_key()
            if key is None:
                self._leave_open()
                break
            value[key] = self.read_value(in_object=True)
        return value

    def _read_list(self) -> list[JsonValue]:
        closer = "]" if self._peek() == "[" else ")"
        self.at += 1
        values: list[JsonValue] = []
        while self._goes_on(closer):
            start = self.at
            value = self.read_value(in_object=False)
            if self.at == start:
                self._leave_open()
                break
            values.append(value)
        return values

    def _goes_on(self, closer: str) -> bool:
        """Skip to the next member; consume ``closer`` and say no at the end."""
        expects_more = self.text[self.at - 1 : self.at] in ("{", "[", "(")
        while True:
            self._skip_blanks()
            if self._peek() not in (",", ";"):
                break
            expects_more = True
            self.at += 1
        following = self._peek()
        if following == closer:
            self.at += 1
            return False
        if following in ("}", "]", ")") and following:
            # Another bracket's closer: ours was forgotten.
            if self._depth <= 1:
                self.at += 1
            return False
        if not following:
            self._leave_open()
            if expects_more:
                self.missing = "value"
            return False
        return True

    def _read_key(self) -> str | None:
        opening = self._peek()
        if opening in QUOTES:
            start = self.at
            key, end = self._unquote(start + 1, CLOSERS[opening], in_object=None)
            self.at = end
            self._skip_blanks()
        else:
            bare = BARE_KEY.match(self.text, self.at)
            if bare is None:
                return None
            key = bare[0]
            self.at = bare.end()
            self._skip_blanks()
        separator = self._match(SEPARATOR)
        if not separator:
            if self.at >= len(self.text):
                self.missing = "value"
            return None
        self.at += len(separator)
        return key

    def _read_string(self, *, in_object: bool) -> str:
        opening = self.text[self.at]
        if self.text.startswith(opening * 3, self.at):
            end = self.text.find(opening * 3, self.at + 3)
            if end >= 0:
                value, self.at = self.text[self.at + 3 : end], end + 3
                return value
        value, self.at = self._unquote(self.at + 1, CLOSERS[opening], in_object=in_object)
        return value

    def _unquote(self, at: int, closers: str, *, in_object: bool | None) -> tuple[str, int]:
        """Return the string from ``at`` and where the text goes on; ``None`` reads a key.

        A quote that nothing of the structure follows belongs to the string.
        """
        pieces: list[str] = []
        while stop := STRING_STOP.search(self.text, at):
            found = stop.start()
            pieces.append(self.text[at:found])
            if stop[0] == "\\":
                piece, at = self._unescape(found + 1)
                pieces.append(piece)
            elif stop[0] in closers and (
                in_object is None or self._ends_value(found + 1, in_object=in_object)
            ):
                return join_halves("".join(pieces)), found + 1
            else:
                pieces.append(stop[0])
                at = found + 1
        pieces.append(self.text[at:])
        self.missing = "value"
        return join_halves("".join(pieces)), len(self.text)

    def _unescape(self, at: int) -> tuple[str, int]:
        code = HEX_ESCAPE.match(self.text, at)
        if code is not None:
            return chr(int(code[1] or code[2], 16)), code.end()
        following = self.text[at : at + 1]
        if following in SIMPLE_ESCAPES:
            return SIMPLE_ESCAPES[following], at + 1
        if following and following in QUOTES + "\\/":
            return following, at + 1
        return "\\" + following, at + 1

    def _ends_value(self, at: int, *, in_object: bool) -> bool:
        if VALUE_END.match(self.text, at):
            return True
        if not in_object:
            return bool(NEXT_MEMBER.match(self.text, at))
        return bool(NEXT_KEY.match(self.text, at) or TRAILING_COMMA.match(self.text, at))

    def _read_word(self, *, in_object: bool) -> Word:
        start = at = self.at
        while stop := WORD_STOP.search(self.text, at):
            at = stop.start()
            is_end = stop[0] not in (",", "//") or (
                stop[0] == "," and self._ends_value(at, in_object=in_object)
            )
            if is_end or (stop[0] == "//" and self.text[at - 1 : at] != ":"):
                break
            at = stop.end()
        else:
            at = len(self.text)
            self.missing = "value"
        self.at = at
        word = self.text[start:at].strip()
        return Word(word.removeprefix(QUOTE_TOKEN).removesuffix(QUOTE_TOKEN))

    def _leave_open(self) -> None:
        if self.missing == "nothing":
            self.missing = "closers"

    def _skip_blanks(self) -> None:
        self.at += len(self._match(BLANK))

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        return found[0] if found else ""
