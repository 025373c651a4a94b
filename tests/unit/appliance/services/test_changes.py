import msgspec
from msgspec import UNSET, Struct, UnsetType

from appliance.services.changes import read_changes


class Changes(Struct):
    name: str | UnsetType = UNSET
    domain: str | None | UnsetType = UNSET


def test_absent_is_not_null():
    assert read_changes(msgspec.json.decode(b"{}", type=Changes)) == {}
    assert read_changes(msgspec.json.decode(b'{"domain": null}', type=Changes)) == {"domain": None}
    assert read_changes(Changes(name="", domain="a")) == {"name": "", "domain": "a"}
