"""Calls of n8n's data extensions (``name.isEmpty()``), rewritten so that they need no method.

n8n adds functions to texts, numbers, lists, objects and dates in expressions alone, by rewriting
the call; an absent value can so be asked whether it is empty, and Code nodes see plain JavaScript.
Owns the rewriting; what an extension does is in ``javascript/extensions.js``.
"""

from __future__ import annotations

import re
from typing import NamedTuple

EXTENSIONS = frozenset({
    "abs", "append", "average", "base64Decode", "base64Encode", "beginningOf", "ceil", "chunk",
    "compact", "diffTo", "diffToNow", "difference", "endOfMonth", "extract", "extractDomain",
    "extractEmail", "extractUrl", "extractUrlPath", "first", "floor", "format", "hasField",
    "hash", "intersection", "isBetween", "isDomain", "isDst", "isEmail", "isEmpty", "isEven",
    "isInLast", "isInteger", "isNotEmpty", "isNumeric", "isOdd", "isUrl", "isWeekend",
    "keepFieldsContaining", "keys", "last", "length", "max", "merge", "mergeIntoObject", "min",
    "minus", "parseJson", "pluck", "plus", "quote", "randomItem", "removeDuplicates",
    "removeField", "removeFieldsContaining", "removeMarkdown", "removeTags", "renameKeys",
    "replaceSpecialChars", "reverse", "round", "smartJoin", "sum", "toBoolean", "toDate",
    "toDateTime", "toDecimalNumber", "toFloat", "toInt", "toJsonString", "toNumber",
    "toSentenceCase", "toSnakeCase", "toTitleCase", "toWholeNumber", "union", "unique",
    "urlDecode", "urlEncode", "values",
})  # fmt: skip
"""Every extension by name; ``extensions.js`` holds the same."""

_MAX_CALLS = 500
_TOKEN = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*|/\*.*?\*/)
  | (?P<name>[^\W\d][\w$]*|[$][\w$]*)
  | (?P<number>0[xXoObB][\da-fA-F_]+n?|(?:\d[\d_]*(?:\.\d[\d_]*)?|\.\d+)(?:[eE][+-]?\d+)?n?)
  | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
  | (?P<mark>\?\.(?!\d)|=>|\.\.\.|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_CALLED = re.compile(r"\.\s*(\w+)\s*\(")
_REGEX = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\[\n])+/\w*")
_OPEN = {"(": ")", "[": "]", "{": "}"}
_CLOSE = {end: start for start, end in _OPEN.items()}
_OPERATORS = frozenset({
    "await", "case", "delete", "do", "else", "if", "in", "instanceof", "of", "return", "throw",
    "typeof", "void", "while", "yield",
})  # fmt: skip


class _Token(NamedTuple):
    kind: str
    text: str
    space: str = ""

    @property
    def is_value(self) -> bool:
        """Whether a value may end here, so that ``/`` divides and ``(`` calls."""
        if self.kind == "name":
            return self.text not in _OPERATORS
        return self.kind in ("number", "string", "template") or self.text in ("]", ")", "}")


class _Unreadable(Exception):
    """The code is cut off or no JavaScript; it is left as it is for the engine's own message."""


def rewrite_extension_calls(code: str) -> str:
    """Return an expression's code with its extension calls as ``__extend(value, "name", […])``.

    An optional chain (``a?.b.isEmpty()``) becomes ``__optional(a, …)``, which gives undefined where
    ``a`` is absent. Code that cannot be read is returned as it is.
    """
    if not any(name in EXTENSIONS for name in _CALLED.findall(code)):
        return code
    try:
        tokens, end, tail = _read(code, 0)
        return _joined(_rewritten(tokens)) + tail if end == len(code) else code
    except _Unreadable:
        return code


def _read(code: str, position: int) -> tuple[list[_Token], int, str]:
    """Read tokens up to the end or to a bracket that was not opened; also the last space."""
    tokens: list[_Token] = []
    opened: list[str] = []
    space = ""
    while position < len(code):
        if code[position] == "`":
            text, position = _read_template(code, position)
            tokens.append(_Token("template", text, space))
            space = ""
            continue
        found = _TOKEN.match(code, position)
        if found is None or found.group() in ("'", '"'):
            raise _Unreadable
        kind, text = str(found.lastgroup), found.group()
        if text == "/" and not (tokens and tokens[-1].is_value):
            found = _REGEX.match(code, position)
            if found is None:
                raise _Unreadable
            kind, text = "string", found.group()
        if kind == "space":
            space += text
        else:
            if text in _OPEN:
                opened.append(text)
            elif text in _CLOSE:
                if not opened:
                    break
                if opened.pop() != _CLOSE[text]:
                    raise _Unreadable
            tokens.append(_Token(kind, text, space))
            space = ""
        position = found.end()
    if opened:
        raise _Unreadable
    return tokens, position, space


def _read_template(code: str, start: int) -> tuple[str, int]:
    """Return a template literal with the code in it rewritten, and where it ends."""
    text, position = "`", start + 1
    while position < len(code):
        if code[position] == "`":
            return text + "`", position + 1
        if code.startswith("${", position):
            tokens, position, space = _read(code, position + 2)
            text += "${" + _joined(_rewritten(tokens)) + space
            continue
        width = 2 if code[position] == "\\" else 1
        text += code[position : position + width]
        position += width
    raise _Unreadable


def _rewritten(tokens: list[_Token]) -> list[_Token]:
    """Rewrite from left to right, so that a call's receiver holds none that is still to do."""
    position = calls = 0
    while position < len(tokens) - 2:
        dot, name, bracket = tokens[position : position + 3]
        is_call = dot.text in (".", "?.") and bracket.text == "("
        if not is_call or name.text not in EXTENSIONS or position == 0:
            position += 1
            continue
        calls += 1
        if calls > _MAX_CALLS:
            raise _Unreadable
        start = _receiver_start(tokens, position)
        end = _matching(tokens, position + 2)
        arguments = tokens[position + 3 : end]
        made = _call(tokens[start:position], dot.text == "?.", name.text, arguments, calls)
        tokens = tokens[:start] + made + tokens[end + 1 :]
        position = start + 1
    return tokens


def _receiver_start(tokens: list[_Token], dot: int) -> int:
    """Return where the value before ``dot`` begins: ``$json.list[0].name`` at ``$json``."""
    position = dot - 1
    while True:
        token = tokens[position]
        if token.text in _CLOSE:
            position = _matching_back(tokens, position)
        elif token.kind == "mark" or not token.is_value:
            raise _Unreadable
        if position == 0:
            return 0
        before = tokens[position - 1]
        if before.text in (".", "?."):
            position -= 2
            if position < 0:
                raise _Unreadable
            continue
        is_suffix = token.text in ("]", ")") or token.kind == "template"
        if is_suffix and before.is_value and before.text != "}":
            position -= 1
            continue
        return position - 1 if before.text == "new" else position


def _call(
    receiver: list[_Token], is_optional: bool, name: str, arguments: list[_Token], number: int
) -> list[_Token]:
    space = receiver[0].space
    receiver = [receiver[0]._replace(space=""), *receiver[1:]]
    if receiver[0].text == "__optional":
        # The rest of a chain that may end early belongs inside, where it ends with it.
        end = _matching(receiver, 1)
        head, body, tail = receiver[:end], receiver[:0], receiver[end + 1 :]
        arrow = _last_arrow(head)
        head, body = head[: arrow + 1], head[arrow + 1 :]
        inner = _extend([*body, *tail], name, arguments)
        return [head[0]._replace(space=space), *head[1:], *inner, _mark(")")]
    optional = len(receiver) if is_optional else _last_optional(receiver)
    if optional is None:
        made = _extend(receiver, name, arguments)
        return [made[0]._replace(space=space), *made[1:]]
    base, rest = receiver[:optional], receiver[optional:]
    value = _Token("name", f"__value{number}")
    if rest and rest[1].text in ("[", "("):
        rest = rest[1:]
    elif rest:
        rest = [_mark("."), *rest[1:]]
    inner = _extend([value, *rest], name, arguments)
    return [_Token("name", "__optional", space), _mark("("), *base, _mark(","), _mark("("), value,
            _mark(")"), _mark("=>"), *inner, _mark(")")]  # fmt: skip


def _extend(receiver: list[_Token], name: str, arguments: list[_Token]) -> list[_Token]:
    return [_Token("name", "__extend"), _mark("("), *receiver, _mark(","),
            _Token("string", f'"{name}"'), _mark(","), _mark("["), *arguments, _mark("]"),
            _mark(")")]  # fmt: skip


def _mark(text: str) -> _Token:
    return _Token("mark", text)


def _last_optional(receiver: list[_Token]) -> int | None:
    """Return the last ``?.`` of a chain that stands in no bracket."""
    depth = 0
    for position in range(len(receiver) - 1, -1, -1):
        text = receiver[position].text
        depth += (text in _CLOSE) - (text in _OPEN)
        if depth == 0 and text == "?.":
            return position
    return None


def _last_arrow(head: list[_Token]) -> int:
    """Return the arrow of an ``__optional(base, (value) => …`` that stands in no other bracket."""
    depth = 0
    for position, token in enumerate(head):
        depth += (token.text in _OPEN) - (token.text in _CLOSE)
        if depth == 1 and token.text == "=>" and head[position - 2].text.startswith("__value"):
            return position
    raise _Unreadable


def _matching(tokens: list[_Token], start: int) -> int:
    depth = 0
    for position in range(start, len(tokens)):
        text = tokens[position].text
        depth += (text in _OPEN) - (text in _CLOSE)
        if depth == 0:
            return position
    raise _Unreadable


def _matching_back(tokens: list[_Token], end: int) -> int:
    depth = 0
    for position in range(end, -1, -1):
        text = tokens[position].text
        depth += (text in _CLOSE) - (text in _OPEN)
        if depth == 0:
            return position
    raise _Unreadable


def _joined(tokens: list[_Token]) -> str:
    return "".join(token.space + token.text for token in tokens)
