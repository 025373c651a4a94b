"""The whole error tree, split by who can act on an error.

Adapters translate third-party exceptions into these at their edge; how an error becomes an HTTP
answer is left to ``appliance.web.problems``, how it ends a process to ``appliance.cli``.

::

    ApplianceError
    ├ UserInputError          the caller mends the request
    │ ├ InvalidInput          a field is missing, ill-typed or out of range; names the fields
    │ ├ UnsupportedMediaType  the body is of a type the address does not take
    │ ├ NotAuthenticated      no valid credential
    │ ├ PermissionDenied      a valid credential without the right
    │ ├ NotFound              no such thing for this tenant
    │ ├ Conflict              the state does not allow it now
    │ ├ BackupRefused         a backup is damaged, foreign, newer, or locked
    │ └ RateLimited           too many; says when to come back
    ├ ConfigurationError      the operator mends a setting
    │ ├ AddressInUse          a listener's port is taken
    │ └ DataFolderUnusable    the data folder is in use or cannot be written
    ├ UpstreamError           a provider, tool or channel
    │ ├ Unavailable           retry later
    │ ├ AuthFailed            ask the operator for the credential
    │ └ Rejected              the request itself was refused
    ├ TurnError               ends the turn and becomes an event
    │ ├ ContextWindowExceeded
    │ ├ BudgetExceeded
    │ ├ Cancelled
    │ └ ServerStopping        none is begun any more
    └ StorageError            the database or the disk
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

_NAMED_FIELD: Final = re.compile(r"(missing required|contains unknown) field `([^`]*)`")


class FieldError(NamedTuple):
    """One field of a refused request: its dotted path and what to mend."""

    field: str
    message: str


def read_field_error(path: str, message: str) -> FieldError:
    """Return which field msgspec means by ``message``, and what to mend of it.

    Args:
        path: Where msgspec found it, as ``tools[2].risk``; empty for the whole body.
        message: What msgspec says, without the path.
    """
    path = path.replace("[", ".").replace("]", "")
    named = _NAMED_FIELD.search(message)
    if named is None:
        return FieldError(path or "body", message if message.endswith(".") else f"{message}.")
    is_missing = named[1] == "missing required"
    return FieldError(
        f"{path}.{named[2]}" if path else named[2],
        "This field is required." if is_missing else "Unknown field.",
    )


class ApplianceError(Exception):
    """Root of every error this program raises on purpose.

    Args:
        message: One sentence for the reader who can act, with the remedy; never a secret.
        code: Stable machine-readable name; a class default where absent.
    """

    default_code = "internal_error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code


class UserInputError(ApplianceError):
    """The caller can mend the request."""

    default_code = "invalid_request"


class InvalidInput(UserInputError):
    """Fields are missing, ill-typed or out of range."""

    default_code = "validation_failed"

    def __init__(
        self, message: str, *, errors: Sequence[FieldError] = (), code: str | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.errors = tuple(errors)


class UnsupportedMediaType(UserInputError):
    """The body is of a type this address does not take."""

    default_code = "unsupported_media_type"


class NotAuthenticated(UserInputError):
    """No credential, or one that is not valid (any more)."""

    default_code = "not_authenticated"


class PermissionDenied(UserInputError):
    """The credential is valid and does not grant this."""

    default_code = "permission_denied"


class NotFound(UserInputError):
    """The thing does not exist, or not for this tenant; both read the same."""

    default_code = "not_found"


class Conflict(UserInputError):
    """The present state does not allow the request."""

    default_code = "conflict"

    def __init__(
        self, message: str, *, code: str | None = None, retry_after_s: int | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class BackupRefused(UserInputError):
    """A backup cannot be used: damaged, foreign, newer, or locked for whoever asks."""

    default_code = "backup_damaged"


class RateLimited(UserInputError):
    """Too many requests; ``retry_after_s`` says when the next one is welcome."""

    default_code = "rate_limited"

    def __init__(self, message: str, *, retry_after_s: int, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class ConfigurationError(ApplianceError):
    """The operator can mend a setting, named in ``setting``."""

    default_code = "configuration_error"

    def __init__(
        self, message: str, *, setting: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.setting = setting


class AddressInUse(ConfigurationError):
    """A listener's port is taken by another program."""

    default_code = "address_in_use"


class DataFolderUnusable(ConfigurationError):
    """The data folder is in use by another server, or cannot be written."""

    default_code = "data_folder_unusable"


class UpstreamError(ApplianceError):
    """A provider, tool or channel did not do what was asked."""

    default_code = "upstream_error"


class Unavailable(UpstreamError):
    """It may work later: connection refused, timeout, overload."""

    default_code = "upstream_unavailable"

    def __init__(
        self, message: str, *, code: str | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class AuthFailed(UpstreamError):
    """The stored credential was refused; the operator must give a new one."""

    default_code = "upstream_auth_failed"


class Rejected(UpstreamError):
    """The other side understood and refused; repeating it will not help."""

    default_code = "upstream_rejected"


class TurnError(ApplianceError):
    """Ends the running turn."""

    default_code = "turn_failed"


class ContextWindowExceeded(TurnError):
    """The last turn alone does not fit the model's context window."""

    default_code = "context_window_exceeded"


class BudgetExceeded(TurnError):
    """The tenant's budget is used up."""

    default_code = "budget_exceeded"


class Cancelled(TurnError):
    """Nobody waits for the answer any more."""

    default_code = "turn_cancelled"


class ServerStopping(TurnError):
    """The server ends the turns it has begun and begins no other."""

    default_code = "server_stopping"


class StorageError(ApplianceError):
    """The database or the disk failed; never swallowed."""

    default_code = "storage_unavailable"
