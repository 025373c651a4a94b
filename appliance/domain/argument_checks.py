"""Whether the arguments of a call fit a tool's schema, whoever wrote either.

Owns what a schema may ask for here and the sizes beyond which nothing is looked at; what a misfit
means is left to whoever asks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from functools import cache, lru_cache
from itertools import count, repeat
from typing import TYPE_CHECKING, Any, Final

import structlog

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.domain.safe_patterns import MAX_TEXT_CHARS, find_danger, read_pattern

if TYPE_CHECKING:
    from jsonschema import FormatChecker, ValidationError
    from jsonschema.protocols import Validator

MAX_ARGUMENT_BYTES: Final = 64_000
MAX_ARGUMENT_DEPTH: Final = 20
MAX_STEPS: Final = 50_000
"""About a second; an ordinary schema takes a third of it for the largest arguments."""

_ENDLESS: Final = f"To check arguments against it takes more than {MAX_STEPS} steps."
_UNASKED_FORMATS: Final = ("regex",)
"""Reading a text as a regular expression can take long, or more room than there is."""

_NOT_COUNTED: Final = repeat(0)
_steps: ContextVar[Iterator[int]] = ContextVar("steps")

logger = structlog.get_logger(__name__)


class _TooManySteps(Exception):
    """A check has gone on for too long."""


def find_unsafe_pattern(schema: JsonObject) -> str | None:
    """Return where in ``schema`` a pattern stands that is not run, and why; or ``None``.

    Every ``pattern`` and ``patternProperties`` counts wherever it stands: a reference may lead to
    any place of a schema.
    """
    for path, pattern in _patterns(schema, ()):
        danger = find_danger(pattern)
        if danger is not None:
            return f"The pattern at {'.'.join(path)} is not run: {danger}."[:500]
    return None


def find_excess(arguments: JsonObject) -> str | None:
    """Return why ``arguments`` are too much to be looked at, or ``None``."""
    if _is_deeper(arguments, MAX_ARGUMENT_DEPTH):
        return f"they are nested deeper than {MAX_ARGUMENT_DEPTH} levels."
    if len(json.dumps(arguments, ensure_ascii=False).encode("utf-8", "replace")) > (
        MAX_ARGUMENT_BYTES
    ):
        return f"they are larger than {MAX_ARGUMENT_BYTES} bytes."
    if _has_long_name(arguments):
        return f"a name in them is longer than {MAX_TEXT_CHARS} characters."
    return None


def find_misfits(arguments: JsonObject, schema: JsonObject) -> list[ValidationError] | str:
    """Return how ``arguments`` do not fit ``schema``, or why that cannot be said.

    A schema that is invalid, or has a pattern that is not safe, is not used at all, also where it
    was stored long ago: without its pattern it would let pass what it was to keep out. The operator
    finds it in the log.
    Formats are asserted; no reference is fetched; a text longer than 1,000 characters fits no
    pattern and no format; who refers back and forth until there is no end is left after
    ``MAX_STEPS`` parts of the schema, each counted for each value that it is asked about.

    Source: JSON Schema 2020-12, whatever ``$schema`` says.
    """
    from referencing.exceptions import Unresolvable

    validator = _open_validator(json.dumps(schema, sort_keys=True))
    if isinstance(validator, str):
        return validator
    counted = _steps.set(count(1))
    try:
        return list(validator.iter_errors(arguments))
    except Unresolvable as error:
        return f"It refers to {error.ref!r}, which is not in it."
    except (TypeError, ValueError, ArithmeticError) as error:
        return f"These arguments cannot be checked against it: {error}."
    except (_TooManySteps, RecursionError):
        logger.warning("tool.schema_not_used", title=schema.get("title"), problem=_ENDLESS)
        return _ENDLESS
    finally:
        _steps.reset(counted)


@lru_cache(maxsize=512)
def _open_validator(schema_text: str) -> Validator | str:
    from referencing import Registry

    schema = _without_dialects(json.loads(schema_text))
    problem = find_unsafe_pattern(schema) or _find_fault(schema)
    if problem is not None:
        title = schema.get("title") if isinstance(schema, dict) else None
        logger.warning("tool.schema_not_used", title=title, problem=problem)
        return problem
    make, formats = _load_dialect()
    return make(
        schema,
        format_checker=formats,
        registry=Registry(),  # the library's own one would fetch references from the network
    )


@cache
def _load_dialect() -> tuple[type[Validator], FormatChecker]:
    """Return the library's validator of 2020-12 with the bounds of this module, and the formats."""
    from jsonschema import Draft202012Validator, FormatChecker
    from jsonschema.validators import create

    formats = FormatChecker(formats=())
    formats.checkers = {
        name: check
        for name, check in Draft202012Validator.FORMAT_CHECKER.checkers.items()
        if name not in _UNASKED_FORMATS
    }
    bounded = create(
        Draft202012Validator.META_SCHEMA,
        {
            **Draft202012Validator.VALIDATORS,
            "pattern": _check_pattern,
            "format": _check_format,
            "uniqueItems": _check_unique,
        },
        applicable_validators=_count_step,
    )
    return bounded, formats


def _find_fault(schema: JsonObject) -> str | None:
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return f"It is no valid JSON Schema: {error.message}"[:500]
    except RecursionError:
        return "It is nested too deeply."
    return None


def _count_step(schema: Any) -> Iterable[tuple[str, Any]]:
    """Give a schema's keywords to the library, which asks for them once a value and schema."""
    if next(_steps.get(_NOT_COUNTED)) > MAX_STEPS:
        raise _TooManySteps
    keywords: Iterable[tuple[str, Any]] = schema.items()
    return keywords


def _check_pattern(
    validator: Any, pattern: Any, value: Any, schema: Any
) -> Iterator[ValidationError]:
    from jsonschema import ValidationError

    if isinstance(value, str):
        safe = read_pattern(pattern)
        if safe is None or not safe.search(value):
            yield ValidationError(f"{value[:100]!r} does not match {pattern!r}")


def _check_format(validator: Any, name: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    from jsonschema import Draft202012Validator, ValidationError

    if isinstance(value, str) and len(value) > MAX_TEXT_CHARS:
        yield ValidationError(f"{value[:100]!r}… is too long for a {name!r}")
    else:
        yield from Draft202012Validator.VALIDATORS["format"](validator, name, value, schema)


def _check_unique(
    validator: Any, is_asked: Any, value: Any, schema: Any
) -> Iterator[ValidationError]:
    """Compare each item with all others at once, where the library does it in pairs."""
    from jsonschema import ValidationError

    if is_asked and isinstance(value, list) and len(set(map(_freeze, value))) < len(value):
        yield ValidationError("there are items more than once")


def _freeze(value: JsonValue) -> object:
    """Return ``value`` as something that is equal where JSON says so: 1 and 1.0, never ``true``."""
    match value:
        case dict():
            return frozenset((key, _freeze(item)) for key, item in value.items())
        case list():
            return tuple(map(_freeze, value))
        case bool():
            return (bool, value)
        case _:
            return value


def _without_dialects(value: JsonValue) -> Any:
    """Return a schema in which no part names a dialect, by which the library would check it."""
    match value:
        case dict():
            return {
                key: _without_dialects(item)
                for key, item in value.items()
                if key != "$schema" or not isinstance(item, str)
            }
        case list():
            return list(map(_without_dialects, value))
        case _:
            return value


def _patterns(value: JsonValue, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, dict):
        pattern, by_name = value.get("pattern"), value.get("patternProperties")
        if isinstance(pattern, str):
            yield (*path, "pattern"), pattern
        if isinstance(by_name, dict):
            yield from (((*path, "patternProperties"), name) for name in by_name)
        for key, item in value.items():
            yield from _patterns(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _patterns(item, (*path, str(number)))


def _is_deeper(value: JsonValue, levels: int) -> bool:
    items = (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    )
    if items is None:
        return False
    return levels == 0 or any(_is_deeper(item, levels - 1) for item in items)


def _has_long_name(value: JsonValue) -> bool:
    if isinstance(value, dict):
        return any(len(key) > MAX_TEXT_CHARS for key in value) or any(
            map(_has_long_name, value.values())
        )
    return isinstance(value, list) and any(map(_has_long_name, value))
