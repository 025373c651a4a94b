"""Who a visitor is, as far as the shop's own website has vouched for it.

Owns the shape; reading and judging a token is left to ``appliance.services.identity_tokens``, what
follows from it to ``appliance.agent.bound_arguments``.
"""

from __future__ import annotations

from msgspec import Struct, field

Claim = str | int | float | bool

TOKEN_CLAIMS = frozenset(("iss", "aud", "exp", "nbf", "iat", "jti", "tenant"))
"""What a token says of itself, not of the visitor."""


class VerifiedIdentity(Struct, frozen=True, kw_only=True):
    """A visitor whose sign-in the shop's server signed for this very message.

    ``subject`` is the shop's own id of the person. ``claims`` are what the token tells of them,
    ``sub`` included. A ``user_identifier`` that a page merely sent never becomes one of these.
    """

    subject: str
    claims: dict[str, Claim] = field(default_factory=dict)
