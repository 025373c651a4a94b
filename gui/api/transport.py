"""One HTTP exchange over Qt's own network stack.

Owns sending, deadlines and telling "no answer" apart; credentials and the meaning of answers are
left to ``gui.api.client``. Nothing here waits: every outcome arrives by the event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec
from PySide6.QtCore import QCoreApplication, QObject, QTimer, QUrl, QUrlQuery
from PySide6.QtNetwork import (
    QNetworkAccessManager,
    QNetworkProxy,
    QNetworkReply,
    QNetworkRequest,
)

from gui.api.errors import ApiError, TimedOut, UnexpectedAnswer, Unreachable

Method = Literal["GET", "POST", "PATCH", "PUT", "DELETE"]

MAX_ANSWER_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True)
class ApiRequest:
    """What to ask; ``body`` is anything msgspec can encode, ``None`` sends none."""

    method: Method
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: object | None = None
    deadline_s: float = 15.0


@dataclass(frozen=True)
class Answer:
    """What came back, of any status."""

    status: int
    body: bytes
    request_id: str = ""
    retry_after_s: int | None = None


Outcome = Answer | ApiError


class Exchange(QObject):
    """A request under way; reports its outcome once, unless cancelled before."""

    def __init__(
        self,
        reply: QNetworkReply,
        *,
        deadline_s: float,
        on_outcome: Callable[[Outcome], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._reply = reply
        self._on_outcome: Callable[[Outcome], None] | None = on_outcome
        self._is_late = False
        self._deadline = QTimer(self, singleShot=True, interval=int(deadline_s * 1000))
        self._deadline.timeout.connect(self._on_deadline)
        self._deadline.start()
        reply.setParent(self)
        reply.finished.connect(self._on_finished)
        reply.downloadProgress.connect(self._on_progress)

    def cancel(self) -> None:
        """Stop caring; nothing is reported any more."""
        self._on_outcome = None
        self._reply.abort()

    def _on_deadline(self) -> None:
        self._is_late = True
        self._reply.abort()

    def _on_progress(self, received_bytes: int, _total_bytes: int) -> None:
        if received_bytes > MAX_ANSWER_BYTES:
            self._reply.abort()

    def _on_finished(self) -> None:
        self._deadline.stop()
        report, self._on_outcome = self._on_outcome, None
        self.deleteLater()
        if report is not None:
            report(describe_failure(self._reply) if self._is_late else read_outcome(self._reply))


class HttpTransport(QObject):
    """Sends requests to one server.

    Redirects are not followed and no proxy is used: the address is the operator's own server, and
    its credential must not travel anywhere else.
    """

    def __init__(self, base_url: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.base_url = base_url.rstrip("/")
        self._network = QNetworkAccessManager(self)
        self._network.setProxy(QNetworkProxy(QNetworkProxy.ProxyType.NoProxy))
        self._network.setRedirectPolicy(QNetworkRequest.RedirectPolicy.ManualRedirectPolicy)
        self._network.setAutoDeleteReplies(False)

    def send(
        self,
        request: ApiRequest,
        *,
        headers: Mapping[str, str],
        on_outcome: Callable[[Outcome], None],
    ) -> Exchange:
        """Send ``request`` and report an answer of any status, or why there is none."""
        wire = self._build_wire_request(request, headers)
        body = b"" if request.body is None else msgspec.json.encode(request.body)
        if request.body is not None:
            wire.setHeader(QNetworkRequest.KnownHeaders.ContentTypeHeader, "application/json")
        reply = self._network.sendCustomRequest(wire, request.method.encode(), body)
        return Exchange(reply, deadline_s=request.deadline_s, on_outcome=on_outcome, parent=self)

    def open_stream(self, request: ApiRequest, *, headers: Mapping[str, str]) -> QNetworkReply:
        """Start a request whose answer does not end; the caller reads and ends the reply."""
        wire = self._build_wire_request(request, headers)
        # A compressed stream would be held back until a block is full.
        wire.setRawHeader(b"Accept-Encoding", b"identity")
        wire.setRawHeader(b"Cache-Control", b"no-store")
        return self._network.get(wire)

    def _build_wire_request(
        self, request: ApiRequest, headers: Mapping[str, str]
    ) -> QNetworkRequest:
        url = QUrl(self.base_url + request.path)
        if request.query:
            query = QUrlQuery()
            for name, value in request.query.items():
                query.addQueryItem(name, bytes(QUrl.toPercentEncoding(value).data()).decode())
            url.setQuery(query)
        wire = QNetworkRequest(url)
        wire.setAttribute(QNetworkRequest.Attribute.CookieSaveControlAttribute, 1)
        wire.setRawHeader(b"Accept", b"application/json")
        for name, value in headers.items():
            wire.setRawHeader(name.encode(), value.encode())
        return wire


def read_status(reply: QNetworkReply) -> int:
    """Read the HTTP status of a reply; 0 when none arrived."""
    status = reply.attribute(QNetworkRequest.Attribute.HttpStatusCodeAttribute)
    return status if isinstance(status, int) else 0


def read_outcome(reply: QNetworkReply) -> Outcome:
    """Read a finished reply: an answer where a status arrived whole, else the failure."""
    status = read_status(reply)
    is_answer = status and reply.error() not in {
        QNetworkReply.NetworkError.RemoteHostClosedError,
        QNetworkReply.NetworkError.OperationCanceledError,
    }
    if not is_answer:
        return describe_failure(reply)
    retry_after = bytes(reply.rawHeader("Retry-After").data()).decode("latin-1")
    return Answer(
        status=status,
        body=bytes(reply.readAll().data()),
        request_id=bytes(reply.rawHeader("X-Request-ID").data()).decode("latin-1"),
        retry_after_s=int(retry_after) if retry_after.isdigit() else None,
    )


def describe_failure(reply: QNetworkReply) -> ApiError:
    """Say why a reply brought no whole answer."""
    translate = QCoreApplication.translate
    error = QNetworkReply.NetworkError
    address = reply.url().authority()
    match reply.error():
        case error.ConnectionRefusedError | error.HostNotFoundError:
            return Unreachable(translate("ApiError", "No server answers at {0}.").format(address))
        case error.RemoteHostClosedError | error.NoError:  # a stream ended without an error
            return Unreachable(
                translate("ApiError", "The server at {0} closed the connection.").format(address)
            )
        case error.OperationCanceledError | error.TimeoutError:
            return TimedOut(
                translate("ApiError", "The server at {0} did not answer in time.").format(address)
            )
        case error.ProtocolFailure | error.ProtocolInvalidOperationError:
            return UnexpectedAnswer(
                translate("ApiError", "What answers at {0} is not this server.").format(address)
            )
        case _:
            return Unreachable(
                translate("ApiError", "The server at {0} cannot be reached.").format(address)
            )
