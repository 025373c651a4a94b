"""Finds the calls in what a model wrote freely.

Owns what is a call in a text and what stays text; when the text is read, piece by piece, is left to
``free_reader``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from appliance.domain.tool import ToolCall
from appliance.tool_spelling.arguments import decode_text
from appliance.tool_spelling.call_shapes import (
    Meaning,
    build_call,
    has_placeholder,
    is_beginning_of_call,
    is_signature,
    read_meaning,
)
from appliance.tool_spelling.lenient_json import (
    Parsed,
    TooDeep,
    parse_call_arguments,
    parse_value,
)
from appliance.tool_spelling.markup import (
    CUT_TAG,
    RESULT_TAG,
    names_tool,
    read_parameters,
    skip_closers,
    skip_wrappers,
)
from appliance.tool_spelling.openings import CANDIDATE, Verdict, judge_opening
from appliance.tool_spelling.tool_names import KnownTools

LABELLED_CALL = re.compile(
    r"[*_]{0,2}(?:action|tool|function|tool[ _](?:call|name)|function[ _](?:call|name))"
    r"[*_]{0,2}\s*:[*_]{0,2}\s*`?(?P<name>[\w.-]*)`?",
    re.IGNORECASE,
)
LABELLED_INPUT = re.compile(
    r"\s*[*_]{0,2}(?:action input|arguments|args|parameters|params|input|tool input)"
    r"[*_]{0,2}\s*:[*_]{0,2}\s*",
    re.IGNORECASE,
)
INVENTED = re.compile(r"\s*[*_]{0,2}observation[*_]{0,2}\s*:", re.IGNORECASE)
NAME = re.compile(r"(?:print\s*\(\s*)?([^\W\d][\w.-]*(?::\d+)?)")


ESCAPED = re.compile(r"[\[\s]*\{\s*\\[\"']")
ESCAPE = re.compile(r"\\([\"'\\/])")
MAX_INDENT = 80
BETWEEN = re.compile(r"[`*]{0,2}[\s:]*")
NEXT_FUNCTION = re.compile(r"\)?[^\S\n]*(?:[,;]\s*|\n(?=[^\W\d][\w.]*\())?")
LINE_END = re.compile(r"[)\];,`]*[^\S\n]*(?:\n|\Z|<)")
RESULT_END = re.compile(r"</[\w]*>")


class Reading(Struct, frozen=True):
    """What a text says: words for the visitor, calls, and whether its end is a call cut off."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    is_cut: bool = False


class _Found(Struct, frozen=True):
    """What stands at one place; ``None`` for its meaning when it is a call cut off."""

    meaning: Meaning | None
    end: int


class _Opening(Struct, frozen=True):
    """Where a call may begin; or the text was stopped too early to tell."""

    at: int
    is_cut: bool


DATA = Meaning()
"""An object, or a function, that is no call."""


class _RestIsText(Exception):
    """Something is nested without end, so nothing behind it is looked at."""


def read_free_text(text: str, start: int, tools: KnownTools, *, is_cut: bool = False) -> Reading:
    """Read ``text`` from ``start`` to its end.

    Args:
        text: Its first character is context: a line feed if ``start`` begins a line.
        start: From where to read.
        tools: The tools of the request.
        is_cut: Whether the model was stopped before it was done; then a call whose brackets are
            not closed is not one.
    """
    said: list[str] = []
    calls: list[ToolCall] = []
    at = resume = start
    for opening in _openings(text, start, tools, is_cut=is_cut):
        if opening.at < max(at, resume):
            continue
        said.append(text[at : opening.at])
        at = opening.at
        if opening.is_cut:
            return Reading("".join(said), tuple(calls), is_cut=True)
        try:
            found = _CallReader(text, tools, is_cut=is_cut).read(at)
        except _RestIsText:
            break
        if found is None or found.meaning is DATA:
            # What was read as data has no calls within.
            resume = found.end if found else at
            continue
        if found.meaning is None:
            return Reading("".join(said), tuple(calls), is_cut=True)
        if found.meaning.is_invented_result and calls:
            return Reading("".join(said), tuple(calls))
        calls += found.meaning.calls
        said.append(found.meaning.reply or "")
        at = skip_closers(text, found.end)
        if INVENTED.match(text, at):
            return Reading("".join(said), tuple(calls))
    rest = text[at:]
    if not calls or rest.strip():
        said.append(rest)
    return Reading("".join(said), tuple(calls))


def _openings(text: str, start: int, tools: KnownTools, *, is_cut: bool) -> Iterator[_Opening]:
    for candidate in CANDIDATE.finditer(text, start):
        at = candidate.end() - 1
        verdict = judge_opening(text, at, tools)
        if verdict is Verdict.YES:
            yield _Opening(at, is_cut=False)
        elif verdict is Verdict.MAYBE and is_cut:
            yield _Opening(at, is_cut=True)


class _CallReader:
    """Reads the call at one place of a text."""

    def __init__(self, text: str, tools: KnownTools, *, is_cut: bool) -> None:
        self._text = text
        self._tools = tools
        self._is_cut = is_cut
        self._begins_line = False
        self._is_marked = False

    def read(self, at: int) -> _Found | None:
        """Return what stands at ``at``, or ``None`` when it is just text."""
        line = self._text[max(0, at - MAX_INDENT) : at].rpartition("\n")
        self._begins_line = bool(line[1]) and not line[2].strip()
        result = RESULT_TAG.match(self._text, at)
        if result is not None:
            end = RESULT_END.search(self._text, result.end())
            return _Found(Meaning(is_invented_result=True), end.end() if end else len(self._text))
        labelled = LABELLED_CALL.match(self._text, at) if self._begins_line else None
        if labelled is not None:
            return self._read_labelled(labelled)
        wrapped = skip_wrappers(self._text, at)
        self._is_marked = wrapped.is_marked
        if (wrapped.is_marked and wrapped.end == len(self._text)) or (
            self._is_cut and CUT_TAG.match(self._text, at)
        ):
            return _Found(None, len(self._text))
        return self._read_body(wrapped.end, name=wrapped.name)

    def _read_body(self, at: int, *, name: str | None) -> _Found | None:
        text = self._text
        own_tag = names_tool(text, at, self._tools) if name is None else None
        if own_tag is not None:
            name, at = own_tag
        wrapped = skip_wrappers(text, at)
        at, name = wrapped.end, name or wrapped.name
        opening = text[at : at + 1]
        if opening == "[" and NAME.match(text, at + 1):
            return self._read_functions(at + 1)
        if opening and opening in "{[\"'":
            return self._read_value(at, name=name)
        if name is not None:
            return self._read_tagged(at, name)
        return self._read_named(at)

    def _read_value(self, at: int, *, name: str | None) -> _Found | None:
        """Read an object or list: the whole call, or its arguments if ``name`` is known."""
        parsed = self._parse(at)
        value = decode_text(parsed.value) if isinstance(parsed.value, str) else parsed.value
        takes_unknown = self._begins_line or self._is_marked
        meaning = read_meaning(value, self._tools, takes_unknown=takes_unknown)
        if name is not None and (meaning is None or not meaning.calls):
            call = build_call(name, value, self._tools)
            meaning = Meaning((call,)) if call else None
        is_open = self._is_open(parsed)
        if meaning is not None and (not is_open or meaning.reply is not None):
            return _Found(meaning, parsed.end)
        is_begun = self._is_marked or meaning or is_beginning_of_call(value, self._tools)
        if is_open and is_begun:
            return _Found(None, parsed.end)
        return _Found(DATA, parsed.end)

    def _read_tagged(self, at: int, name: str) -> _Found | None:
        """Read what follows a tag with the tool's name: parameters in tags, or none at all."""
        tagged = read_parameters(self._text, at)
        if tagged is None:
            has_none = self._text.startswith("</", at)
            call = build_call(name, {}, self._tools) if has_none else None
            return _Found(Meaning((call,)), at) if call else None
        call = None if tagged.is_cut else build_call(name, tagged.values, self._tools)
        return _Found(Meaning((call,)) if call else None, tagged.end)

    def _read_named(self, at: int) -> _Found | None:
        """Read a tool's name and its arguments behind it, in whichever form."""
        named = NAME.match(self._text, at)
        if named is None or not (self._is_marked or self._tools.find(named[1])):
            return None
        behind = BETWEEN.match(self._text, named.end())
        end = behind.end() if behind else named.end()
        if self._text.startswith("(", end):
            return self._read_functions(at)
        wrapped = skip_wrappers(self._text, end)
        if self._text.startswith(("{", '"{'), wrapped.end):
            return self._read_value(wrapped.end, name=named[1])
        if self._is_marked and read_parameters(self._text, wrapped.end):
            return self._read_tagged(wrapped.end, named[1])
        return None

    def _read_labelled(self, labelled: re.Match[str]) -> _Found | None:
        """Read ``Action: …`` and ``Action Input: …``."""
        name = labelled["name"]
        if not name:
            return self._read_body(labelled.end(), name=None)
        given = LABELLED_INPUT.match(self._text, labelled.end())
        if given is None:
            return self._read_named(labelled.start("name"))
        self._is_marked = True
        at = skip_wrappers(self._text, given.end()).end
        return self._read_value(at, name=name) if self._text.startswith("{", at) else None

    def _read_functions(self, at: int) -> _Found | None:
        """Read ``get_order_status(order_number="12345")``, one or several.

        Without a tag around them they must have their lines for themselves: in a sentence they are
        talked about.
        """
        calls: list[ToolCall] = []
        end = at
        while named := NAME.match(self._text, end):
            is_call = self._is_marked or self._tools.find(named[1])
            if not is_call or not self._text.startswith("(", named.end()):
                break
            try:
                parsed = parse_call_arguments(self._text, named.end() + 1)
            except TooDeep as exc:
                raise _RestIsText from exc
            if self._is_open(parsed):
                return _Found(None, parsed.end)
            is_example = has_placeholder(parsed.value) or is_signature(parsed.value)
            call = None if is_example else build_call(named[1], parsed.value, self._tools)
            if call is None:
                return _Found(DATA, parsed.end)
            calls.append(call)
            following = NEXT_FUNCTION.match(self._text, parsed.end)
            end = following.end() if following else parsed.end
        stands_alone = self._begins_line and LINE_END.match(self._text, end)
        if not calls or not (self._is_marked or stands_alone):
            return _Found(DATA, end) if end > at else None
        return _Found(Meaning(tuple(calls)), end)

    def _parse(self, at: int) -> Parsed:
        text = self._text
        try:
            if not ESCAPED.match(text, at):
                return parse_value(text, at)
            # Encoded once more and left without its quotes: nothing else follows.
            parsed = parse_value(ESCAPE.sub(r"\1", text[at:]))
        except TooDeep as exc:
            raise _RestIsText from exc
        return Parsed(parsed.value, len(text), parsed.missing)

    def _is_open(self, parsed: Parsed) -> bool:
        return parsed.missing == "value" or (parsed.missing == "closers" and self._is_cut)
