"""Where a request that carries a credential may go.

Owns comparing a host with those that a credential is bound to; which hosts these are is decided by
who keeps the credential.
"""

from __future__ import annotations

from collections.abc import Sequence

from appliance.errors import Rejected


def check_bound(host: str, port: int, credential_hosts: Sequence[str] | None) -> None:
    """Let pass a request without a credential, or to a host that its credential is bound to.

    Args:
        host: In ASCII and lower case, an IPv6 address without brackets.
        port: Where the connection goes.
        credential_hosts: Each a ``host`` (any port) or ``host:port``; ``None`` for a request
            without a credential.

    Raises:
        Rejected: The credential is not for this host (``credential_bound``).
    """
    if credential_hosts is None:
        return
    shown = f"[{host}]" if ":" in host else host
    if {shown, f"{shown}:{port}"}.isdisjoint(bound.strip().lower() for bound in credential_hosts):
        raise Rejected(
            f"The credential may not be sent to {shown}:{port}. The operator can add this host to "
            "the credential, or correct the address.",
            code="credential_bound",
        )
