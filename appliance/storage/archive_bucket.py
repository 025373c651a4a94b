"""An archive in an S3-compatible bucket.

Owns the calls to the store, their deadlines and retries, and what its refusals mean to an operator.
The client is imported on first use: it costs a third of a second.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from msgspec import Struct

from appliance.errors import ApplianceError, AuthFailed, ConfigurationError, Rejected, Unavailable

CONNECT_TIMEOUT_S: Final = 5
READ_TIMEOUT_S: Final = 20
ATTEMPTS: Final = 4

_DENIED: Final = frozenset(
    {"403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"}
)
_KEPT: Final = "Nothing that was to go there is deleted."


class BucketPlace(Struct, frozen=True, kw_only=True):
    """Where the bucket is and who may write to it.

    ``endpoint`` is ``None`` for Amazon's own; without credentials those of the machine are used, as
    Amazon's tools find them.
    """

    bucket: str
    folder: str = ""
    endpoint: str | None = None
    region: str = "us-east-1"
    access_key_id: str | None = None
    secret_access_key: str | None = None


class BucketArchive:
    """Implements ``Archive`` in a bucket.

    Args:
        place: Where it is.
        connect_timeout_s: How long a connection may take.
        read_timeout_s: How long the store may be silent.
    """

    def __init__(
        self,
        place: BucketPlace,
        *,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        read_timeout_s: float = READ_TIMEOUT_S,
    ) -> None:
        self._place = place
        self._timeouts = (connect_timeout_s, read_timeout_s)
        self._client: Any = None

    async def put(self, name: str, content: bytes) -> None:
        """Store an object durably, in place of one of the same name."""
        await _run_in_daemon(lambda: self._put(name, content))

    async def close(self) -> None:
        """Let go of the connections; a call that hangs ends with the process."""
        self._client = None

    def _put(self, name: str, content: bytes) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        key = f"{self._place.folder}/{name}" if self._place.folder else name
        try:
            if self._client is None:
                self._client = self._connect()
            self._client.put_object(
                Bucket=self._place.bucket, Key=key, Body=content, ContentType="application/gzip"
            )
        except ClientError as error:
            raise _translate_refusal(error.response, self._place) from error
        except (BotoCoreError, ValueError) as error:
            raise _translate_failure(error, self._place) from error

    def _connect(self) -> Any:
        from botocore.config import Config
        from botocore.session import Session

        connect_s, read_s = self._timeouts
        place = self._place
        return Session().create_client(
            "s3",
            region_name=place.region,
            endpoint_url=place.endpoint,
            aws_access_key_id=place.access_key_id,
            aws_secret_access_key=place.secret_access_key,
            config=Config(
                connect_timeout=connect_s,
                read_timeout=read_s,
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                signature_version="s3v4",
                # Stores of other makers know neither bucket names as hosts nor new checksums.
                s3={"addressing_style": "path" if place.endpoint else "auto"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )


async def _run_in_daemon(work: Callable[[], None]) -> None:
    """Run ``work`` in a thread that a stopping process does not wait for, as it would for a pool's.

    A store that hangs must not keep the server from ending in time.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def settle(error: BaseException | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def run() -> None:
        error: BaseException | None = None
        try:
            work()
        except Exception as raised:  # noqa: BLE001 - it is raised where the call is awaited
            error = raised
        with suppress(RuntimeError):  # the loop may have ended meanwhile
            loop.call_soon_threadsafe(settle, error)

    threading.Thread(target=run, name="archive", daemon=True).start()
    await done


def _translate_refusal(response: dict[str, Any], place: BucketPlace) -> ApplianceError:
    code = str(response.get("Error", {}).get("Code", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    where = f"The archive bucket {place.bucket!r}"
    if code in _DENIED or status in (401, 403):
        return AuthFailed(
            f"{where} refused the credentials ({code}). {_KEPT} Check "
            "CSAI_ARCHIVE_S3_ACCESS_KEY_ID, its secret, and that they may write there.",
            code="archive_refused",
        )
    if code == "NoSuchBucket" or status == 404:
        return Rejected(
            f"{where} does not exist. {_KEPT} Make it, or mend CSAI_ARCHIVE_URL.",
            code="archive_refused",
        )
    if status >= 500 or status == 429:
        return Unavailable(
            f"{where} cannot take anything just now ({code}). {_KEPT} It is tried again with the "
            "next run.",
            code="archive_unavailable",
        )
    return Rejected(
        f"{where} refused an object ({code or status}). {_KEPT} Check the CSAI_ARCHIVE settings.",
        code="archive_refused",
    )


def _translate_failure(error: Exception, place: BucketPlace) -> ApplianceError:
    from botocore.exceptions import (
        ConnectionError as UnreachableError,
    )
    from botocore.exceptions import (
        HTTPClientError,
        NoCredentialsError,
        PartialCredentialsError,
    )

    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return ConfigurationError(
            "The archive bucket needs credentials. Set CSAI_ARCHIVE_S3_ACCESS_KEY_ID and "
            f"CSAI_ARCHIVE_S3_SECRET_ACCESS_KEY. {_KEPT}",
            setting="CSAI_ARCHIVE_S3_ACCESS_KEY_ID",
        )
    where = place.endpoint or "Amazon S3"
    if isinstance(error, HTTPClientError | UnreachableError):
        return Unavailable(
            f"The archive at {where} cannot be reached ({type(error).__name__}). {_KEPT} It is "
            "tried again with the next run.",
            code="archive_unavailable",
        )
    return ConfigurationError(
        f"The archive at {where} cannot be used ({type(error).__name__}). {_KEPT} Check the "
        "CSAI_ARCHIVE settings.",
        setting="CSAI_ARCHIVE_URL",
    )
