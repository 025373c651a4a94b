from __future__ import annotations

import msgspec
from msgspec import UNSET, Struct, UnsetType

from appliance.services.changes import Changes, apply_changes, read_changes


class Look(Struct, frozen=True):
    colour: str = "red"
    size: int | None = 3


class Sign(Struct, frozen=True):
    name: str
    domain: str | None = "a.example"
    look: Look = Look()


class LookChanges(Changes):
    colour: str | UnsetType = UNSET
    size: int | None | UnsetType = UNSET


class SignChanges(Changes):
    name: str | UnsetType = UNSET
    domain: str | None | UnsetType = UNSET
    look: LookChanges | UnsetType = UNSET


def read(body: bytes) -> SignChanges:
    return msgspec.json.decode(body, type=SignChanges)


def test_absent_is_not_null() -> None:
    assert read_changes(read(b"{}")) == {}
    assert read_changes(read(b'{"domain": null}')) == {"domain": None}
    assert read_changes(SignChanges(name="", domain="a")) == {"name": "", "domain": "a"}


def test_what_is_absent_stays_at_every_depth() -> None:
    sign = Sign(name="Shop", look=Look(colour="blue"))
    assert apply_changes(sign, read(b"{}")) == sign
    assert apply_changes(sign, read(b'{"domain": null, "look": {"size": null}}')) == Sign(
        name="Shop", domain=None, look=Look(colour="blue", size=None)
    )
