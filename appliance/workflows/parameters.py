"""A node's parameters, read by type: what a file or an expression gave is never trusted.

Owns turning one value into the type a node asks for, and the sentence that names the parameter when
it cannot; which parameters a node has is left to ``appliance.workflows.parameter_rules``, and the
node's name is added by ``appliance.workflows.engine``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NoReturn, TypeVar

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import Rejected
from appliance.workflows.conversions import (
    CannotConvert,
    encode_json,
    is_truthy,
    parse_json,
    to_number,
    to_text,
)

Word = TypeVar("Word", bound=str)
_SHOWN = 100
_LARGEST = 2**53


class Parameters:
    """Values by name: all of a node's parameters, or one collection among them.

    An absent value, null and (except for texts) an empty text count as not given, and the default
    is returned. Every method raises ``Rejected`` (``wrong_parameter``), naming the parameter, where
    the value is not of its type.
    """

    def __init__(self, values: Mapping[str, JsonValue], path: str = "") -> None:
        self._values = values
        self._path = path

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def value(self, name: str, default: JsonValue = None) -> JsonValue:
        """Return a value of any type, as it is."""
        return self._values.get(name, default)

    def text(self, name: str, default: str = "") -> str:
        """Return a text; other values as JavaScript prints them."""
        value = self._values.get(name)
        return default if value is None else to_text(value)

    def number(
        self, name: str, default: float, *, minimum: float = -math.inf, maximum: float = math.inf
    ) -> float:
        """Return a number, also one written as text, from ``minimum`` to ``maximum``."""
        value = self._values.get(name)
        if value is None or value == "":
            return default
        try:
            number = to_number(value)
        except CannotConvert:
            self.refuse(name, "must be a number")
        if isinstance(value, bool) or not math.isfinite(number):
            self.refuse(name, "must be a number")
        if not minimum <= number <= maximum:
            bounds = f"from {minimum:g} to {maximum:g}"
            if math.isinf(maximum):
                bounds = f"at least {minimum:g}"
            elif math.isinf(minimum):
                bounds = f"at most {maximum:g}"
            self.refuse(name, f"must be {bounds}")
        return number

    def integer(
        self, name: str, default: int, *, minimum: float = -math.inf, maximum: float = math.inf
    ) -> int:
        """Return a number without its fraction, as JavaScript's lists count."""
        number = self.number(name, default, minimum=minimum, maximum=maximum)
        if abs(number) > _LARGEST:
            self.refuse(name, "must be a whole number of at most 15 digits")
        return int(number)

    def flag(self, name: str, default: bool = False) -> bool:
        """Return whether a value is true in JavaScript's sense."""
        value = self._values.get(name)
        return default if value is None else is_truthy(value)

    def choice(self, name: str, words: Sequence[Word], default: Word) -> Word:
        """Return one of ``words``."""
        value = self._values.get(name)
        if value is None or value == "":
            return default
        found = next((word for word in words if word == value), None)
        if found is None:
            self.refuse(name, f"must be one of {', '.join(repr(word) for word in words)}")
        return found

    def object(self, name: str) -> JsonObject:
        """Return an object, also one written as JSON text; ``{}`` where it is not given."""
        value = self.json(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.refuse(name, "must be a JSON object")
        return value

    def array(self, name: str) -> list[JsonValue]:
        """Return a list, also one written as JSON text; ``[]`` where it is not given."""
        value = self.json(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self.refuse(name, "must be a JSON array")
        return value

    def json(self, name: str) -> JsonValue:
        """Return any value, a text parsed as JSON; ``None`` where it is not given."""
        value = self._values.get(name)
        if not isinstance(value, str):
            return value
        return parse_json(value, self._name(name)) if value.strip() else None

    def names(self, name: str) -> list[str]:
        """Return names from a list, or from a text where commas part them."""
        value = self._values.get(name)
        if isinstance(value, list):
            parts = [to_text(part) for part in value]
        else:
            parts = ("" if value is None else to_text(value)).split(",")
        return [part.strip() for part in parts if part.strip()]

    def group(self, *names: str) -> Parameters:
        """Return a collection within, by the names that lead to it; an empty one if not given."""
        found = self
        for name in names:
            value = found._values.get(name)
            if value is None or value == "":
                value = {}
            if not isinstance(value, dict):
                found.refuse(name, "must be a group of settings")
            found = Parameters(value, found._name(name))
        return found

    def groups(self, *names: str) -> list[Parameters]:
        """Return the collections of a list within; a lone one counts as a list of one."""
        *before, last = names
        holder = self.group(*before)
        value = holder._values.get(last)
        if value is None or value == "":
            return []
        entries = value if isinstance(value, list) else [value]
        made = []
        for index, entry in enumerate(entries):
            if not isinstance(entry, dict):
                holder.refuse(last, "must be a list of groups of settings")
            made.append(Parameters(entry, f"{holder._name(last)}[{index}]"))
        return made

    def as_object(self) -> JsonObject:
        """Return the values themselves."""
        return dict(self._values)

    def refuse(self, name: str, problem: str) -> NoReturn:
        """Raise for the parameter ``name``, showing its value."""
        value = self._values.get(name)
        shown = repr(value) if isinstance(value, str) else encode_json(value)
        shown = shown if len(shown) <= _SHOWN else shown[: _SHOWN - 3] + "..."
        raise Rejected(
            f"parameter {self._name(name)!r} {problem}, not {shown}", code="wrong_parameter"
        )

    def _name(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name
