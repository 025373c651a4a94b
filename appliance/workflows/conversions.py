"""n8n's conversions between JSON types, which follow JavaScript's.

Owns turning one value into another type; what a failed conversion means is left to the nodes and to
``appliance.workflows.conditions``.
"""

from __future__ import annotations

import contextlib
import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

import msgspec

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import Rejected

_NUMBER = re.compile(
    r"[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|Infinity)", re.ASCII
)
_RADIX = re.compile(r"0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+", re.ASCII)
_ISO_DATE = re.compile(r"\d{4}(?:-\d{2}(?:-\d{2})?)?$", re.ASCII)


class CannotConvert(ValueError):
    """The value has no counterpart in the type asked for."""


def type_name(value: JsonValue) -> str:
    """Return the value's type as n8n's messages call it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def to_text(value: JsonValue) -> str:
    """Return the value as text: as JavaScript prints it, objects and arrays as compact JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    if isinstance(value, dict | list):
        return encode_json(value)
    return encode_json(value) if isinstance(value, bool | None) else str(value)


def encode_json(value: JsonValue) -> str:
    """Return compact JSON in the field order given."""
    return msgspec.json.encode(value).decode()


def parse_json(text: str, what: str) -> JsonValue:
    """Return the value of a JSON text.

    Raises:
        Rejected: It is no JSON, or nested too deeply (``wrong_json``); ``what`` names the text.
    """
    try:
        return msgspec.json.decode(text)
    except RecursionError as exc:
        raise Rejected(f"{what} is nested too deeply", code="wrong_json") from exc
    except (msgspec.MsgspecError, ValueError) as exc:
        raise Rejected(f"{what} is not valid JSON: {exc}", code="wrong_json") from exc


def is_truthy(value: JsonValue) -> bool:
    """Say whether JavaScript takes the value for true: empty lists and objects are."""
    return bool(value) or isinstance(value, dict | list)


def to_number(value: JsonValue) -> int | float:
    """Return the value as JavaScript's ``Number()`` does, but refuse what is not a number."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    if isinstance(value, list):
        if len(value) > 1:
            raise CannotConvert
        return to_number("" if not value or value[0] is None else to_text(value[0]))
    if not isinstance(value, str):
        raise CannotConvert
    text = value.strip()
    if not text:
        return 0
    if _RADIX.fullmatch(text):
        return int(text, 0)
    if not _NUMBER.fullmatch(text):
        raise CannotConvert
    number = math.inf if text.endswith("Infinity") else float(text)
    if text.startswith("-") and math.isinf(number):
        number = -math.inf
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def to_boolean(value: JsonValue) -> bool:
    """Return true or false for those words, for 1 and 0 in any spelling."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        word = value.lower()
        if word in ("true", "false"):
            return word == "true"
        if not value.strip():
            raise CannotConvert
    number = to_number(value)
    if number not in (0, 1):
        raise CannotConvert
    return number == 1


def to_array(value: JsonValue) -> list[JsonValue]:
    """Return a list, also one written as JSON, with either kind of quotes."""
    if isinstance(value, list):
        return value
    text = to_text(value)
    for candidate in (text, text.replace("'", '"')):
        with contextlib.suppress(Rejected):
            parsed = parse_json(candidate, "the text")
            if isinstance(parsed, list):
                return parsed
    raise CannotConvert


def to_object(value: JsonValue) -> JsonObject:
    """Return an object, also one written as JSON."""
    if isinstance(value, dict):
        return value
    with contextlib.suppress(Rejected):
        parsed = parse_json(value, "the text") if isinstance(value, str) else None
        if isinstance(parsed, dict):
            return parsed
    raise CannotConvert


def to_moment(value: JsonValue, *, time_zone: str) -> datetime:
    """Return an aware moment from ISO 8601, SQL, HTTP or mail dates; a zone is assumed if none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise CannotConvert
    text = str(value).strip()
    moment = _read_moment(text)
    if moment is None:
        raise CannotConvert
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(time_zone))


def _read_moment(text: str) -> datetime | None:
    if _ISO_DATE.match(text):
        text = (text + "-01-01")[:10]
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None


def to_rfc3339(moment: datetime) -> str:
    """Return the moment as JavaScript's ``toISOString`` writes it: UTC, milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
