from __future__ import annotations

import ssl

from appliance.certificates import build_client_tls


def test_the_context_checks_names_and_knows_the_public_authorities() -> None:
    tls = build_client_tls()
    assert tls.check_hostname
    assert tls.verify_mode is ssl.CERT_REQUIRED
    assert len(tls.get_ca_certs()) > 50
