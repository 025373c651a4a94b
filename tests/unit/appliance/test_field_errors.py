from __future__ import annotations

from typing import Annotated, Any

import pytest
from msgspec import Meta, Struct

from appliance.errors import FieldError, InvalidInput
from appliance.field_errors import read_fields


class Inner(Struct, forbid_unknown_fields=True):
    size: int


class Outer(Struct, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1)]
    inner: list[Inner] = []


@pytest.mark.parametrize(
    ("value", "field", "message"),
    [
        ({}, "config.name", "This field is required."),
        ({"name": "a", "other": 1}, "config.other", "Unknown field."),
        ({"name": 1}, "config.name", "Expected `str`, got `int`."),
        (
            {"name": "a", "inner": [{"size": "b"}]},
            "config.inner.0.size",
            "Expected `int`, got `str`.",
        ),
        ({"name": "a", "inner": [{}]}, "config.inner.0.size", "This field is required."),
        ([], "config", "Expected `object`, got `array`."),
    ],
)
def test_the_field_is_named_by_its_path(value: Any, field: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_fields(value, Outer, name="config")
    assert caught.value.errors == (FieldError(field, message),)


def test_a_value_that_is_no_field_names_its_own() -> None:
    with pytest.raises(InvalidInput) as caught:
        read_fields({"name": "a", "inner": [{"size": "b"}]}, Outer)
    assert caught.value.errors[0].field == "inner.0.size"


def test_what_fits_is_read() -> None:
    assert read_fields({"name": "a"}, Outer, name="config") == Outer(name="a")
