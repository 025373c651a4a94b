"""What of a system's answer a tool gets: a JMESPath expression over it.

Owns compiling, applying and bounding such expressions.

Source: the JMESPath specification.
"""

from __future__ import annotations

from typing import Final

import jmespath
from jmespath.exceptions import JMESPathError, JMESPathTypeError, UnknownFunctionError

from appliance.domain.json_types import JsonValue
from appliance.errors import Rejected

MAX_CHARS: Final = 2_000
MAX_VALUES: Final = 100_000
MAX_DEPTH: Final = 100


def find_mapping_problem(expression: str) -> str | None:
    """Return why ``expression`` cannot be used, in a sentence, or ``None``."""
    if len(expression) > MAX_CHARS:
        return f"The expression is longer than {MAX_CHARS} characters."
    try:
        jmespath.compile(expression).search({})
    except UnknownFunctionError as exc:
        return _first_line(exc)
    except JMESPathTypeError:
        return None  # nothing to work on; an answer has more
    except (JMESPathError, RecursionError) as exc:
        return f"This is no JMESPath expression: {_first_line(exc)}"
    return None


def apply_mapping(expression: str | None, value: JsonValue) -> JsonValue:
    """Return what ``expression`` makes of ``value``; without one, ``value`` itself.

    Raises:
        Rejected: The expression cannot be applied to it, or the result is too large or too deep.
    """
    if expression is not None:
        try:
            value = jmespath.search(expression, value)
        except (JMESPathError, RecursionError, ArithmeticError) as exc:
            # The library's own sentence would tell what the system answered.
            where = f" at {exc.function_name}()" if isinstance(exc, JMESPathTypeError) else ""
            raise Rejected(
                f"The answer does not fit the endpoint's response_mapping{where}. "
                "The operator should correct the response_mapping.",
                code="mapping_failed",
            ) from exc
    if not _is_bounded(value):
        raise Rejected(
            "What the endpoint's response_mapping makes of the answer is too large. "
            "The operator should let it choose less.",
            code="response_too_large",
        )
    return value


def _is_bounded(value: JsonValue) -> bool:
    """Count without recursion: an expression can make much of little by naming it again."""
    count, level = 0, [value]
    for _ in range(MAX_DEPTH):
        below: list[JsonValue] = []
        for item in level:
            children = item.values() if isinstance(item, dict) else item
            if isinstance(item, dict | list):
                count += len(item)
                if count > MAX_VALUES:
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
