from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from appliance.errors import AuthFailed, ConfigurationError, Rejected, Unavailable
from appliance.storage.archive_bucket import ATTEMPTS, BucketArchive, BucketPlace
from tests.fakes.s3_server import ACCESS_KEY_ID, BUCKET, REGION, SECRET_ACCESS_KEY, S3Server

NAME = "tenant-1/2026/03/0195-äöü מסמך.jsonl.gz"


@pytest.fixture
def server() -> Iterator[S3Server]:
    with S3Server() as server:
        yield server


def open_archive(
    server: S3Server, *, read_timeout_s: float = 5, **place: str | None
) -> BucketArchive:
    known = BucketPlace(
        bucket=BUCKET,
        folder="shop one",
        endpoint=server.url,
        region=REGION,
        access_key_id=ACCESS_KEY_ID,
        secret_access_key=SECRET_ACCESS_KEY,
    )
    return BucketArchive(
        msgspec.structs.replace(known, **place), connect_timeout_s=2, read_timeout_s=read_timeout_s
    )


async def test_an_object_is_stored_whole_and_replaced(server: S3Server):
    archive = open_archive(server)
    await archive.put(NAME, b"first")
    await archive.put(NAME, bytes(300_000))
    await archive.put("other", b"")
    await archive.close()
    assert server.objects == {f"shop one/{NAME}": bytes(300_000), "shop one/other": b""}


@pytest.mark.parametrize("fault", ["slow_down", "internal", "cut"])
async def test_what_passes_is_tried_again(server: S3Server, fault):
    server.faults.append(fault)
    await open_archive(server).put(NAME, b"content")
    assert server.objects == {f"shop one/{NAME}": b"content"}
    assert len(server.requests) == 2


async def test_a_store_that_stays_overloaded_is_left_for_later(
    server: S3Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    server.faults.extend(["slow_down"] * ATTEMPTS)
    with pytest.raises(Unavailable, match="Nothing that was to go there is deleted"):
        await open_archive(server).put(NAME, b"content")
    assert len(server.requests) == ATTEMPTS
    assert server.objects == {}


@pytest.mark.parametrize(
    ("place", "error", "what"),
    [
        ({"secret_access_key": "wrong-secret"}, AuthFailed, "SignatureDoesNotMatch"),
        ({"access_key_id": "AKIAUNKNOWN000000000"}, AuthFailed, "InvalidAccessKeyId"),
        ({"region": "us-west-2"}, AuthFailed, "credentials"),
        ({"bucket": "elsewhere"}, Rejected, "does not exist"),
    ],
)
async def test_refusals_say_what_to_mend(server: S3Server, place, error, what):
    with pytest.raises(error, match=what) as raised:
        await open_archive(server, **place).put(NAME, b"content")
    assert "wrong-secret" not in str(raised.value)
    assert server.objects == {}


async def test_a_key_without_the_right_is_refused(server: S3Server):
    server.faults.append("denied")
    with pytest.raises(AuthFailed, match="AccessDenied"):
        await open_archive(server).put(NAME, b"content")


async def test_a_store_that_is_not_there(server: S3Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    archive = open_archive(server, endpoint="http://127.0.0.1:9")
    with pytest.raises(Unavailable, match="cannot be reached"):
        await archive.put(NAME, b"content")


async def test_a_store_that_hangs_is_given_up(server: S3Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    server.faults.extend(["hang"] * ATTEMPTS)
    archive = open_archive(server, read_timeout_s=0.2)
    with pytest.raises(Unavailable, match="ReadTimeoutError"):
        await archive.put(NAME, b"content")


@pytest.mark.alone
async def test_a_store_that_hangs_holds_nobody_up(server: S3Server):
    server.faults.extend(["hang"] * ATTEMPTS)
    archive = open_archive(server, read_timeout_s=30)
    putting = asyncio.create_task(archive.put(NAME, b"content"))
    await asyncio.to_thread(server.asked.wait, 10)
    started = time.monotonic()
    putting.cancel()
    await asyncio.wait({putting})
    await archive.close()
    assert time.monotonic() - started < 5


async def test_without_credentials_the_setting_is_named(
    server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    archive = open_archive(server, access_key_id=None, secret_access_key=None)
    with pytest.raises(ConfigurationError, match="CSAI_ARCHIVE_S3_ACCESS_KEY_ID"):
        await archive.put(NAME, b"content")
