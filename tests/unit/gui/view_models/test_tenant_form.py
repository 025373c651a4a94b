import pytest

from gui.api.models import Tenant
from gui.view_models.tenant_form import (
    MAX_NAME_LENGTH,
    TenantDraft,
    check_draft,
    normalise_domain,
    normalise_origin,
    suggest_origins,
)


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://shop.example", "https://shop.example"),
        ("https://Shop.Example/some/page?x=1", "https://shop.example"),
        ("shop.example", "https://shop.example"),
        ("http://shop.example:80", "http://shop.example"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("https://[::1]:8443/", "https://[::1]:8443"),
        ("https://קפה.example", "https://xn--8dbw0d.example"),
        ("*", "*"),
        ("javascript:alert(1)", None),
        ("ftp://shop.example", None),
        ("https://user:pw@shop.example", None),
        ("https://", None),
        ("https://shop example", None),
    ],
)
def test_origins_are_reduced_to_what_browsers_send(text, origin):
    found = normalise_origin(text)
    if origin is not None and origin.startswith("https://xn--"):
        assert found is not None
        assert found.startswith("https://xn--")
    else:
        assert found == origin


@pytest.mark.parametrize(
    ("text", "domain"),
    [(" Shop.Example ", "shop.example"), ("https://shop.example/a", "shop.example"), ("", "")],
)
def test_a_pasted_address_becomes_a_domain(text, domain):
    assert normalise_domain(text) == domain


@pytest.mark.parametrize(
    ("domain", "origins"),
    [
        ("shop.example", "https://shop.example\nhttps://www.shop.example"),
        ("www.shop.example", "https://shop.example\nhttps://www.shop.example"),
        ("shop", ""),
        ("", ""),
        ("not a host.example", ""),
    ],
)
def test_origins_are_suggested_from_the_domain(domain, origins):
    assert suggest_origins(domain) == origins


def test_a_good_draft_becomes_the_body_to_send():
    draft = TenantDraft(
        name="  Bob's ",
        domain="https://Bob.example/",
        origins_text="https://bob.example, bob.example\nhttps://www.bob.example/",
        language="he",
        time_zone=" Asia/Jerusalem ",
    )
    checked = check_draft(draft)
    assert checked.errors == {}
    assert checked.body == {
        "name": "Bob's",
        "domain": "bob.example",
        "allowed_origins": ["https://bob.example", "https://www.bob.example"],
        "language": "he",
        "time_zone": "Asia/Jerusalem",
    }


@pytest.mark.parametrize(
    ("draft", "fields"),
    [
        (TenantDraft(name="  "), {"name"}),
        (TenantDraft(name="x" * (MAX_NAME_LENGTH + 1)), {"name"}),
        (TenantDraft(name="A", domain="no spaces allowed"), {"domain"}),
        (TenantDraft(name="A", origins_text="ok.example\nftp://x"), {"allowed_origins"}),
        (TenantDraft(name="A", time_zone=" "), {"time_zone"}),
        (TenantDraft(name="", domain="?", time_zone=""), {"name", "domain", "time_zone"}),
    ],
)
def test_what_is_wrong_is_said_by_field(draft, fields):
    assert set(check_draft(draft).errors) == fields


def test_an_existing_tenant_fills_the_form_and_comes_back_unchanged():
    tenant = Tenant(
        id="1", name="A", domain="a.example", allowed_origins=["https://a.example"], language="he"
    )
    body = check_draft(TenantDraft.from_tenant(tenant)).body
    assert {key: getattr(tenant, key) for key in body} == body
