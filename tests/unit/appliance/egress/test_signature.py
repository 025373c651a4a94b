from __future__ import annotations

from appliance.egress.signature import sign


def test_the_signature_has_the_documented_form() -> None:
    # Computed with: printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac whsec_test
    assert sign(b'{"a":1}', secret="whsec_test", at_unix_s=1_700_000_000) == (
        "t=1700000000,v1=38877139021993b830af32feea6e18a8da83eb2f6e49ee50bd9e4cf4ca4d3789"
    )


def test_another_body_secret_or_time_gives_another_signature() -> None:
    signatures = {
        sign(b"a", secret="s", at_unix_s=1),
        sign(b"b", secret="s", at_unix_s=1),
        sign(b"a", secret="t", at_unix_s=1),
        sign(b"a", secret="s", at_unix_s=2),
    }
    assert len(signatures) == 4
