"""What of a system's answer a tool gets: a JMESPath expression over it.

Owns compiling, applying and bounding such expressions, and two functions that they have beside
JMESPath's own: ``argument(name)`` is what the endpoint was asked with, ``same(a, b)`` says whether
two texts are the same to people, so that an answer can be narrowed to whom it is for.

Source: the JMESPath specification.
"""

from __future__ import annotations

import asyncio
import math
import unicodedata
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Any, Final

import jmespath
from jmespath.exceptions import JMESPathError, JMESPathTypeError, UnknownFunctionError
from jmespath.functions import signature

from appliance.domain.json_types import JsonValue
from appliance.errors import Rejected
from appliance.integrations.connection_fields import refuse_field

MAX_CHARS: Final = 2_000
MAX_VALUES: Final = 100_000
MAX_DEPTH: Final = 100
MAX_GROWTH: Final = 1_000
MAX_WORK: Final = 10_000_000
"""How large a result may possibly be: counted before it is made, which would be too late."""
LARGE: Final = 2_000
"""How many values hold up nobody while they are gone through."""
WRITING: Final = frozenset(("join", "to_string"))
"""Functions that copy texts, where others name them again."""

_aside = ThreadPoolExecutor(2, thread_name_prefix="response-mapping")


class _Functions(jmespath.functions.Functions):  # type: ignore[misc]
    def __init__(self, arguments: Mapping[str, JsonValue]) -> None:
        self._arguments = arguments

    @signature({"types": ["string"]})  # type: ignore[untyped-decorator]
    def _func_argument(self, name: str) -> JsonValue:
        return self._arguments.get(name)

    @signature({"types": []}, {"types": []})  # type: ignore[untyped-decorator]
    def _func_same(self, left: JsonValue, right: JsonValue) -> bool:
        plain = _plain(left)
        return plain != "" and plain == _plain(right)


def check_mapping(expression: str | None) -> None:
    """Look whether ``expression`` can be an endpoint's ``response_mapping``.

    Raises:
        InvalidInput: It cannot; names the field.
    """
    problem = None if expression is None else find_mapping_problem(expression)
    if problem is not None:
        raise refuse_field("response_mapping", problem)


def find_mapping_problem(expression: str) -> str | None:
    """Return why ``expression`` cannot be used, in a sentence, or ``None``."""
    if len(expression) > MAX_CHARS:
        return f"The expression is longer than {MAX_CHARS} characters."
    try:
        compiled = jmespath.compile(expression)
        if find_growth(compiled.parsed) > MAX_GROWTH:
            return "The expression can make far more of an answer than there is in it."
        compiled.search({}, options=_build_options({}))
    except UnknownFunctionError as exc:
        return _first_line(exc)
    except JMESPathTypeError:
        return None  # nothing to work on; an answer has more
    except (JMESPathError, RecursionError) as exc:
        return f"This is no JMESPath expression: {_first_line(exc)}"
    return None


async def map_answer(
    expression: str | None,
    value: JsonValue,
    arguments: Mapping[str, JsonValue] = MappingProxyType({}),
) -> JsonValue:
    """Return what ``apply_mapping`` does, in a thread if ``value`` is large.

    Raises:
        Rejected: As ``apply_mapping`` says.
    """
    if _is_bounded(value, LARGE):
        return apply_mapping(expression, value, arguments)
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_aside, apply_mapping, expression, value, arguments)


def apply_mapping(
    expression: str | None,
    value: JsonValue,
    arguments: Mapping[str, JsonValue] = MappingProxyType({}),
) -> JsonValue:
    """Return what ``expression`` makes of ``value``; without one, ``value`` itself.

    ``arguments`` are what the endpoint was asked with.

    Raises:
        Rejected: The expression cannot be applied to it, or the result is too large or too deep.
    """
    if expression is not None:
        try:
            compiled = jmespath.compile(expression)
            size = _measure([value, dict(arguments)], compiled.parsed)
            if find_growth(compiled.parsed) * size > MAX_WORK:
                raise _too_much()
            value = compiled.search(value, options=_build_options(arguments))
        except (JMESPathError, RecursionError, ArithmeticError) as exc:
            # The library's own sentence would tell what the system answered.
            where = f" at {exc.function_name}()" if isinstance(exc, JMESPathTypeError) else ""
            raise Rejected(
                f"The answer does not fit the endpoint's response_mapping{where}. "
                "The operator should correct the response_mapping.",
                code="mapping_failed",
            ) from exc
    if not _is_bounded(value, MAX_VALUES):
        raise _too_much()
    return value


def find_growth(node: Any) -> int:
    """Return how many times as large as what it is applied to a part's result can be, at most.

    Args:
        node: Of a parsed expression, as the library keeps it.
    """
    children = [find_growth(child) for child in node["children"] if isinstance(child, dict)]
    match node["type"]:
        case "pipe" | "subexpression" | "index_expression":
            return math.prod(children)
        case "projection" | "value_projection" | "filter_projection":
            return math.prod(children)
        case "function_expression":
            kinds = [child["type"] for child in node["children"]]
            applied = [n for n, kind in zip(children, kinds, strict=True) if kind == "expref"]
            others = [n for n, kind in zip(children, kinds, strict=True) if kind != "expref"]
            # Writing a text down again escapes each of its quotes.
            return math.prod(applied) * max(sum(others), 1) * (2 if node["value"] in WRITING else 1)
        case _:
            return max(sum(children), 1)


def _measure(value: JsonValue, parsed: Any) -> int:
    """Return how many values there are, with their characters where texts are copied."""
    has_writing = any(f"'{name}'" in repr(parsed) for name in WRITING)
    count, level = 1, [value]
    while level:
        below: list[JsonValue] = []
        for item in level:
            if isinstance(item, dict | list):
                count += len(item)
                below.extend(item.values() if isinstance(item, dict) else item)
            elif has_writing and isinstance(item, str):
                count += len(item)
        level = below
    return count


def _too_much() -> Rejected:
    return Rejected(
        "What the endpoint's response_mapping makes of the answer is too large. "
        "The operator should let it choose less.",
        code="response_too_large",
    )


def _build_options(arguments: Mapping[str, JsonValue]) -> jmespath.Options:
    return jmespath.Options(custom_functions=_Functions(arguments))


def _plain(value: JsonValue) -> str:
    """Return a text or number without what people leave out: case, outer blanks, a leading #."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return unicodedata.normalize("NFKC", str(value)).strip().removeprefix("#").strip().casefold()


def _is_bounded(value: JsonValue, most: int) -> bool:
    """Count without recursion: an expression can make much of little by naming it again."""
    count, level = 0, [value]
    for _ in range(MAX_DEPTH):
        below: list[JsonValue] = []
        for item in level:
            children = item.values() if isinstance(item, dict) else item
            if isinstance(item, dict | list):
                count += len(item)
                if count > most:
                    return False
                below.extend(children)
        if not below:
            return True
        level = below
    return False


def _first_line(error: Exception) -> str:
    """Return what is wrong with an expression, without the expression itself."""
    if isinstance(error, RecursionError):
        return "it is nested too deep."
    return str(error).strip().partition("\n")[0].rstrip(":.")[:200] + "."
