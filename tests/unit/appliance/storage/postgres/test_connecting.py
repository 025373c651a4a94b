from __future__ import annotations

import pytest

from appliance.storage.postgres.connecting import mask_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (
            "postgresql://bob:s3cret@db.example:5433/csai",
            "postgresql://bob:***@db.example:5433/csai",
        ),
        ("postgresql://db.example/csai?sslpassword=s3cret", "postgresql://db.example/csai"),
        ("postgresql://bob@[::1]/csai", "postgresql://bob@[::1]/csai"),
    ],
)
def test_a_shown_address_has_no_secret(url: str, shown: str):
    assert mask_url(url) == shown


def test_an_address_that_cannot_be_read_is_not_shown_at_all():
    assert "s3cret" not in mask_url("postgresql://bob:s3cret@db.example:port/csai")
