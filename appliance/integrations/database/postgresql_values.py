"""PostgreSQL's types: parameters as its driver wants them, values as ``rows`` understands them.

Owns both directions; which type something has is told by the server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, Final

import asyncpg

from appliance.domain.json_types import JsonValue
from appliance.errors import Rejected
from appliance.integrations.database.rows import Decode, read_json_text


def _read_flag(value: Any) -> bool:
    if value in (True, "true", "t", "1", 1):
        return True
    if value in (False, "false", "f", "0", 0):
        return False
    raise ValueError(value)


def _read_local_moment(value: Any) -> datetime:
    return datetime.fromisoformat(value).replace(tzinfo=None)


def _read_zoned_moment(value: Any) -> datetime:
    """Take a time without a zone for one of the machine's, as the server would of its own."""
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.astimezone()


def _write_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError(value)


def _write_bytes(value: Any) -> bytes:
    return _write_text(value).encode()


def _read_whole(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError(value)
    return int(value)


READERS: Final[Mapping[str, Callable[[Any], Any]]] = MappingProxyType(
    {
        **dict.fromkeys(("int2", "int4", "int8", "oid"), _read_whole),
        **dict.fromkeys(("float4", "float8"), float),
        "numeric": lambda value: Decimal(_write_text(value)),
        "bool": _read_flag,
        "date": date.fromisoformat,
        "time": time.fromisoformat,
        "timetz": time.fromisoformat,
        "timestamp": _read_local_moment,
        "timestamptz": _read_zoned_moment,
        "bytea": _write_bytes,
    }
)
"""How the driver wants a parameter of a type; any other is given as text."""


def read_parameter(name: str, value: JsonValue, kind: asyncpg.Type) -> Any:
    """Return ``value`` as the driver wants it for the type that the server found for it.

    Raises:
        Rejected: It cannot be of this type.
    """
    try:
        if value is None:
            return None
        if kind.kind == "array":
            if not isinstance(value, list):
                raise ValueError(value)
            read = _find_reader(kind.name.removesuffix("[]"))
            return [None if item is None else read(item) for item in value]
        return _find_reader(kind.name)(value)
    except (ValueError, TypeError, InvalidOperation, OverflowError) as exc:
        raise Rejected(
            f"The parameter {name!r} does not fit: the query needs a value of the type "
            f"{kind.name!r}.",
            code="parameter_misfit",
        ) from exc


def _find_reader(type_name: str) -> Callable[[Any], Any]:
    return READERS.get(type_name, _write_text)


def find_decoders(attributes: Iterable[asyncpg.Attribute]) -> dict[int, Decode]:
    """Return what to do with the columns whose values the driver leaves as JSON text."""
    decoders: dict[int, Decode] = {}
    for place, column in enumerate(attributes):
        if column.type.name in ("json", "jsonb"):
            decoders[place] = read_json_text
        elif column.type.name in ("json[]", "jsonb[]"):
            decoders[place] = lambda values: [read_json_text(value) for value in values]
    return decoders


def read_range(value: Any) -> Any:
    """Return the driver's own kinds of values as plain ones."""
    if isinstance(value, asyncpg.Range):
        if value.isempty:
            return "empty"
        lower = "[" if value.lower_inc else "("
        upper = "]" if value.upper_inc else ")"
        return {"from": value.lower, "to": value.upper, "bounds": lower + upper}
    if isinstance(value, asyncpg.BitString):
        return value.as_string().replace(" ", "")
    if isinstance(value, asyncpg.Record):
        return {name: read_range(item) for name, item in value.items()}
    if isinstance(value, list):
        return [read_range(item) for item in value]
    return value
