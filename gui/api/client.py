"""The admin API as typed calls.

Owns credentials in memory, refreshing them once for all calls that need it, and decoding answers;
the wire is left to ``gui.api.transport``, what a sign-out looks like to the pages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import msgspec
import shiboken6
from PySide6.QtCore import QCoreApplication, QObject, Signal
from PySide6.QtNetwork import QNetworkReply

from gui.api.errors import ApiError, SignedOut, UnexpectedAnswer, build_error
from gui.api.models import TokenPair
from gui.api.transport import Answer, ApiRequest, Exchange, HttpTransport, Outcome

AnswerT = TypeVar("AnswerT")

LOGIN_PATH = "/api/admin/login"
REFRESH_PATH = "/api/admin/refresh"
LOGOUT_PATH = "/api/admin/logout"


class ApiCall(Generic[AnswerT]):
    """A call under way, possibly across a refresh; reports to its owner once.

    Nothing is reported once the owner is gone, so a closed dialog needs no care.
    """

    def __init__(
        self,
        request: ApiRequest,
        answer_type: type[AnswerT] | None,
        *,
        owner: QObject,
        on_success: Callable[[AnswerT], None],
        on_error: Callable[[ApiError], None],
    ) -> None:
        self.request = request
        self.has_refreshed = False
        self.exchange: Exchange | None = None
        self._answer_type = answer_type
        self._owner = owner
        self._on_success = on_success
        self._on_error = on_error
        self._is_over = False

    def cancel(self) -> None:
        """Stop the call; nothing is reported any more."""
        self._is_over = True
        if self.exchange is not None and shiboken6.isValid(self.exchange):
            self.exchange.cancel()

    def fail(self, error: ApiError) -> None:
        """Report ``error`` to the owner, if it still exists."""
        if self._take_turn():
            self._on_error(error)

    def succeed(self, answer: Answer) -> None:
        """Decode ``answer`` and report it, or that it is not what the API promises."""
        if not self._take_turn():
            return
        try:
            value = msgspec.json.decode(answer.body or b"null", type=self._answer_type or object)
        except msgspec.MsgspecError:
            text = QCoreApplication.translate(
                "ApiError", "The server's answer could not be read. Is it another version?"
            )
            self._on_error(UnexpectedAnswer(text, request_id=answer.request_id))
            return
        self._on_success(value)  # type: ignore[arg-type]

    def _take_turn(self) -> bool:
        is_wanted = not self._is_over and shiboken6.isValid(self._owner)
        self._is_over = True
        return is_wanted


class ApiClient(QObject):
    """Calls the admin API of one server with the credential of one operator."""

    signed_in = Signal()
    signed_out = Signal(str)
    """The credential is gone; carries one sentence saying why, empty when it was asked for."""

    def __init__(self, base_url: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.transport = HttpTransport(base_url, self)
        self._tokens: TokenPair | None = None
        self._waiting: list[tuple[Callable[[], None], Callable[[ApiError], None]]] = []
        self._is_refreshing = False

    @property
    def has_credential(self) -> bool:
        """Whether there is a credential to send; the server may still refuse it."""
        return self._tokens is not None

    def call(
        self,
        request: ApiRequest,
        answer_type: type[AnswerT] | None,
        *,
        owner: QObject,
        on_success: Callable[[AnswerT], None],
        on_error: Callable[[ApiError], None],
    ) -> ApiCall[AnswerT]:
        """Send ``request`` with the credential and decode the answer as ``answer_type``.

        A 401 refreshes the credential once and repeats the request; ``answer_type`` is ``None``
        where the body does not matter.
        """
        call = ApiCall(request, answer_type, owner=owner, on_success=on_success, on_error=on_error)
        self._send(call)
        return call

    def sign_in(
        self,
        username: str,
        password: str,
        *,
        owner: QObject,
        on_success: Callable[[], None],
        on_error: Callable[[ApiError], None],
    ) -> None:
        """Exchange a name and a password for a credential."""

        def keep(tokens: TokenPair) -> None:
            self._tokens = tokens
            self.signed_in.emit()
            on_success()

        call = ApiCall(
            ApiRequest("POST", LOGIN_PATH, body={"username": username, "password": password}),
            TokenPair,
            owner=owner,
            on_success=keep,
            on_error=on_error,
        )
        call.has_refreshed = True
        self._send(call, is_anonymous=True)

    def sign_out(self) -> None:
        """Forget the credential at once and revoke it on the server."""
        tokens, self._tokens = self._tokens, None
        if tokens is None:
            return
        self.transport.send(
            ApiRequest("POST", LOGOUT_PATH, body={"refresh_token": tokens.refresh_token}),
            headers=_build_headers(tokens),
            on_outcome=lambda _outcome: None,
        )
        self.signed_out.emit("")

    def open_stream(self, request: ApiRequest, *, headers: Mapping[str, str]) -> QNetworkReply:
        """Open an event stream with the credential; the caller reads and ends it."""
        return self.transport.open_stream(
            request, headers={**_build_headers(self._tokens), **headers}
        )

    def refresh(self, on_success: Callable[[], None], on_error: Callable[[ApiError], None]) -> None:
        """Get a new access token; those who ask while one is on its way share it."""
        if self._tokens is None:
            on_error(_build_signed_out())
            return
        self._waiting.append((on_success, on_error))
        if self._is_refreshing:
            return
        self._is_refreshing = True
        self.transport.send(
            ApiRequest("POST", REFRESH_PATH, body={"refresh_token": self._tokens.refresh_token}),
            headers={},
            on_outcome=self._on_refreshed,
        )

    def _send(self, call: ApiCall[AnswerT], *, is_anonymous: bool = False) -> None:
        sent_with = None if is_anonymous else self._tokens
        call.exchange = self.transport.send(
            call.request,
            headers=_build_headers(sent_with),
            on_outcome=lambda outcome: self._on_outcome(call, outcome, sent_with),
        )

    def _on_outcome(
        self, call: ApiCall[AnswerT], outcome: Outcome, sent_with: TokenPair | None
    ) -> None:
        if isinstance(outcome, ApiError):
            call.fail(outcome)
        elif outcome.status < 300:
            call.succeed(outcome)
        elif outcome.status == 401 and not call.has_refreshed and self._tokens is not None:
            call.has_refreshed = True
            if self._tokens is sent_with:
                self.refresh(lambda: self._send(call), call.fail)
            else:  # another call has brought a newer credential meanwhile
                self._send(call)
        else:
            call.fail(_build_error(outcome))

    def _on_refreshed(self, outcome: Outcome) -> None:
        self._is_refreshing = False
        waiting, self._waiting = self._waiting, []
        error = self._keep_refreshed(outcome)
        for on_success, on_error in waiting:
            if error is None:
                on_success()
            else:
                on_error(error)

    def _keep_refreshed(self, outcome: Outcome) -> ApiError | None:
        if isinstance(outcome, ApiError):
            return outcome
        if outcome.status >= 500 or outcome.status == 429:
            return _build_error(outcome)
        if self._tokens is None:
            return _build_signed_out()
        try:
            if outcome.status >= 300:
                raise msgspec.ValidationError
            self._tokens = msgspec.json.decode(outcome.body, type=TokenPair)
        except msgspec.MsgspecError:
            self._tokens = None
            error = _build_signed_out()
            self.signed_out.emit(error.message)
            return error
        return None


def _build_headers(tokens: TokenPair | None) -> dict[str, str]:
    return {} if tokens is None else {"Authorization": f"Bearer {tokens.access_token}"}


def _build_error(answer: Answer) -> ApiError:
    if answer.status < 400:
        text = QCoreApplication.translate("ApiError", "The server answered with a redirect.")
        return UnexpectedAnswer(text, request_id=answer.request_id)
    return build_error(
        answer.status,
        answer.body,
        request_id=answer.request_id,
        retry_after_s=answer.retry_after_s,
    )


def _build_signed_out() -> SignedOut:
    return SignedOut(
        QCoreApplication.translate("ApiError", "Your session has ended. Please sign in again.")
    )
