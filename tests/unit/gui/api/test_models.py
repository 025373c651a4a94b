import msgspec

from gui.api.models import Health, Operator, Tenant, TokenPair


def test_fields_of_a_newer_server_are_ignored():
    body = b'{"status":"ok","version":"9","components":{"db":{"status":"ok","new":1}},"new":2}'
    assert msgspec.json.decode(body, type=Health).components["db"].status == "ok"


def test_health_of_another_program_is_not_taken_for_ours():
    for body in (b'{"status":"ok"}', b"[]", b'{"status":"ok","version":"1","components":[]}'):
        try:
            msgspec.json.decode(body, type=Health)
        except msgspec.ValidationError:
            continue
        raise AssertionError(body)


def test_tokens_are_not_written_by_repr():
    assert "secret" not in repr(TokenPair("secret-a", "secret-b", 900))


def test_only_viewers_may_not_change_anything():
    roles = {role: Operator(role=role).can_write for role in ("owner", "operator", "viewer", "x")}
    assert roles == {"owner": True, "operator": True, "viewer": False, "x": False}


def test_a_deactivated_tenant_is_not_active():
    assert Tenant(id="1", name="A").is_active
    assert not Tenant(id="1", name="A", status="inactive").is_active
