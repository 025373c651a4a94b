from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.domain.json_types import JsonValue
from appliance.storage.cache_values import decode_value, encode_value, read_count

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False,
    allow_infinity=False) | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.text(st.characters(exclude_categories=("Cs",))), inner
    ),
)  # fmt: skip


@given(st.binary() | json_values)
def test_a_value_comes_back_as_it_was(value: JsonValue | bytes):
    again = decode_value(encode_value(value))
    assert again == value
    assert type(again) is type(value)


@given(st.binary())
def test_whatever_is_stored_is_a_value_or_a_miss(stored: bytes):
    value = decode_value(stored)
    assert value is None or stored[:1] in (b"b", b"j")


@pytest.mark.parametrize(
    "stored", [b"", b"x1", b"j{", b"j", b"1", b'j"\xf9"', pickle.dumps("text")]
)
def test_what_is_not_our_form_is_a_miss(stored: bytes):
    assert decode_value(stored) is None


@pytest.mark.parametrize(
    ("stored", "count"),
    [(b"j1", 1), (b"j100", 100), (b"j0", 0), (b"j-1", 0), (b"jtrue", 0), (b"j1.0", 0),
     (b'j"1"', 0), (b"b1", 0), (b"1", 0), (None, 0)],
)  # fmt: skip
def test_a_count_is_a_positive_whole_number(stored: bytes | None, count: int):
    assert read_count(stored) == count
