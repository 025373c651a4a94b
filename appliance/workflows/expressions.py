"""Parameters that hold ``={{ }}`` expressions: finding them, and putting their values in place.

Owns n8n's template syntax; evaluating the JavaScript in it is left to
``appliance.workflows.sandbox``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from msgspec import Struct

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import Rejected
from appliance.workflows.extension_calls import rewrite_extension_calls

_OPEN = re.compile(r"\\?\{\{")
_CLOSE = re.compile(r"\\?\}\}")


class Expression(Struct, frozen=True):
    """A parameter's text after its ``=``, split into literal text and code.

    A template of one chunk of code keeps the type of its value; any other makes a text.
    """

    text: str
    chunks: tuple[tuple[str, bool], ...]

    @property
    def template(self) -> list[JsonObject]:
        """The chunks as the sandbox takes them."""
        return [{"code" if is_code else "text": text} for text, is_code in self.chunks]

    @property
    def is_static(self) -> bool:
        """Whether there is no code in it."""
        return not any(is_code for _, is_code in self.chunks)


@lru_cache(maxsize=4096)
def parse_expression(text: str) -> Expression:
    r"""Split ``text``, the part after the ``=``, at ``{{`` and the next ``}}``.

    ``\{{`` is a literal ``{{``, and within code ``\}}`` is a literal ``}}``. An unclosed ``{{`` is
    code to the end, as in n8n.
    """
    chunks: list[tuple[str, bool]] = []
    literal = ""
    position = 0
    while True:
        opening = _OPEN.search(text, position)
        if opening is None:
            literal += text[position:]
            break
        literal += text[position : opening.start()]
        position = opening.end()
        if opening.group().startswith("\\"):
            literal += "{{"
            continue
        code, position = _read_code(text, position)
        code = rewrite_extension_calls(code)
        if literal:
            chunks.append((literal, False))
            literal = ""
        chunks.append((code, True))
    if literal or not chunks:
        chunks.append((literal, False))
    return Expression(text, tuple(chunks))


def _read_code(text: str, position: int) -> tuple[str, int]:
    code = ""
    while True:
        closing = _CLOSE.search(text, position)
        if closing is None:
            return code + text[position:], len(text)
        code += text[position : closing.start()]
        position = closing.end()
        if not closing.group().startswith("\\"):
            return code, position
        code += "}}"


def find_expressions(value: JsonValue) -> Iterable[Expression]:
    """Yield every expression within a parameter, in the order ``fill_in`` meets them."""
    if isinstance(value, str):
        if value.startswith("="):
            yield parse_expression(value[1:])
    elif isinstance(value, dict):
        for inner in value.values():
            yield from find_expressions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from find_expressions(inner)


def fill_in(value: JsonValue, results: dict[str, JsonObject]) -> JsonValue:
    """Return ``value`` with every expression replaced by its result; nothing is shared with it.

    Args:
        value: A parameter.
        results: By the expression's text: ``{"value": …}``, ``{"error": …}``, or ``{}`` for
            undefined, which is left out of an object and ``None`` elsewhere.

    Raises:
        Rejected: An expression failed (``expression_failed``); the message quotes it.
    """
    if isinstance(value, str):
        return _result_of(parse_expression(value[1:]), results) if value.startswith("=") else value
    if isinstance(value, dict):
        return {
            key: fill_in(inner, results)
            for key, inner in value.items()
            if not is_undefined(inner, results)
        }
    if isinstance(value, list):
        return [fill_in(inner, results) for inner in value]
    return value


def is_undefined(value: JsonValue, results: dict[str, JsonObject]) -> bool:
    """Say whether a parameter is an expression that gave JavaScript's undefined."""
    if not isinstance(value, str) or not value.startswith("="):
        return False
    expression = parse_expression(value[1:])
    return not expression.is_static and results[expression.text] == {}


def _result_of(expression: Expression, results: dict[str, JsonObject]) -> Any:
    if expression.is_static:
        return "".join(text for text, _ in expression.chunks)
    result = results[expression.text]
    if "error" in result:
        raise Rejected(
            f"the expression {_shortened(expression.text)!r} cannot be evaluated: "
            f"{result['error']}",
            code="expression_failed",
        )
    return result.get("value")


def _shortened(text: str) -> str:
    return text if len(text) <= 200 else text[:197] + "..."
