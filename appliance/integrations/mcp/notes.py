"""What happened to the requests of a session.

Owns what the SDK does not tell whoever waits for an answer; the sentences are in ``failures``.
"""

from __future__ import annotations

from msgspec import Struct

from appliance.errors import UpstreamError


class Notes(Struct, kw_only=True):
    """What happened to the requests of a session; the SDK does not tell."""

    failure: UpstreamError | None = None
    status: int | None = None
    is_foreign: bool = False
    """Whether a request was answered with what is no message at all, such as a web page."""

    def forget(self) -> None:
        """Begin anew, before a request whose failure shall be told."""
        self.failure = self.status = None
        self.is_foreign = False
