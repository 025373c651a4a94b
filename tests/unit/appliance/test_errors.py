from __future__ import annotations

import inspect
import re

import pytest

from appliance import errors
from appliance.errors import (
    ApplianceError,
    ConfigurationError,
    Conflict,
    FieldError,
    InvalidInput,
    RateLimited,
    StorageError,
    TurnError,
    Unavailable,
    UpstreamError,
    UserInputError,
    read_field_error,
)

KINDS: dict[str, type[ApplianceError]] = {
    name: kind
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, ApplianceError)
}
BRANCHES = (UserInputError, ConfigurationError, UpstreamError, TurnError, StorageError)


def test_the_drawn_tree_is_the_real_one() -> None:
    drawn: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"    ((?:[│ ] )*[├└] )?([A-Z]\w+)", line)
        if match is None:
            continue
        depth = len(match[1] or "") // 2
        path[depth:] = [match[2]]
        if depth:
            drawn[match[2]] = path[depth - 1]
    real = {name: kind.__mro__[1].__name__ for name, kind in KINDS.items()}
    assert drawn == {name: base for name, base in real.items() if name != "ApplianceError"}


@pytest.mark.parametrize("name", sorted(set(KINDS) - {"ApplianceError"}))
def test_every_error_is_of_exactly_one_branch(name: str) -> None:
    assert sum(issubclass(KINDS[name], branch) for branch in BRANCHES) == 1


def test_every_error_has_its_own_default_code() -> None:
    codes = [kind.default_code for kind in KINDS.values()]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", code) for code in codes)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_message_and_code_can_be_read(name: str) -> None:
    extra = {"retry_after_s": 3} if name == "RateLimited" else {}
    error = KINDS[name]("The sentence.", **extra)
    assert (error.message, str(error), error.code) == (
        "The sentence.",
        "The sentence.",
        KINDS[name].default_code,
    )
    assert KINDS[name]("x", code="special", **extra).code == "special"


def test_what_helps_to_mend_is_carried_along() -> None:
    field = FieldError("a.b", "Give a number.")
    assert InvalidInput("x", errors=[field]).errors == (field,)
    assert ConfigurationError("x", setting="CSAI_PORT").setting == "CSAI_PORT"
    assert RateLimited("x", retry_after_s=9).retry_after_s == 9
    assert Conflict("x", retry_after_s=2).retry_after_s == 2
    assert Unavailable("x", retry_after_s=1.5).retry_after_s == 1.5


@pytest.mark.parametrize(
    ("path", "message", "told"),
    [
        ("", "Object missing required field `name`", ("name", "This field is required.")),
        ("tools[2]", "Object contains unknown field `x`", ("tools.2.x", "Unknown field.")),
        ("a.b", "Expected `int`, got `str`", ("a.b", "Expected `int`, got `str`.")),
        ("", "Expected `object`, got `str`.", ("body", "Expected `object`, got `str`.")),
    ],
)
def test_a_field_is_named_as_its_sender_knows_it(
    path: str, message: str, told: tuple[str, str]
) -> None:
    assert read_field_error(path, message) == told
