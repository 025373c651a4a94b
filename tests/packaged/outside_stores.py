"""The packaged program on a real PostgreSQL and Redis, with an S3-compatible archive.

Run as ``python -m tests.packaged.outside_stores PROGRAM``: what is imported on first use must be
in the package too, and no other check of it gets there.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.fakes.postgres_server import start_postgres
from tests.fakes.redis_server import RedisServer
from tests.fakes.s3_server import ACCESS_KEY_ID, BUCKET, REGION, SECRET_ACCESS_KEY, S3Server
from tests.http.clients import Visitor, read_demo_key
from tests.http.running_server import RunningServer, run_csai
from tests.http.stored_rows import read_rows, write_rows


def check(program: Path, folder: Path) -> None:
    """Hold a conversation, let it grow old, archive it, back everything up and move it."""
    with ExitStack() as stack:
        postgres = start_postgres()
        stack.callback(postgres.stop)
        redis = RedisServer()
        stack.callback(redis.stop)
        archive = stack.enter_context(S3Server())
        url = asyncio.run(postgres.create_database())
        settings = {
            "CSAI_DATABASE_URL": url,
            "CSAI_CACHE_URL": redis.url,
            "CSAI_ARCHIVE_URL": f"s3://{BUCKET}/old",
            "CSAI_ARCHIVE_S3_ENDPOINT": archive.url,
            "CSAI_ARCHIVE_S3_REGION": REGION,
            "CSAI_ARCHIVE_S3_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "CSAI_ARCHIVE_S3_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "CSAI_BACKUP_PASSPHRASE": "quiet harbour lantern",
        }
        server = RunningServer(folder, settings=settings, program=[str(program)])
        with server:
            visitor = Visitor(server, read_demo_key(server))
            visitor.ask("Where is my order 12345?")
            assert len(visitor.history()) == 2
            visitor.http.close()
        write_rows(url, "UPDATE messages SET created_at = created_at - interval '40 days'")

        def run(*arguments: str) -> str:
            ended = run_csai(
                *arguments, "--data-dir", str(server.data_dir),
                home=folder, settings=settings, program=[str(program)],
            )  # fmt: skip
            assert ended.returncode == 0, f"{arguments}: {ended.stdout}{ended.stderr}"
            return ended.stdout

        run("retention")
        assert read_rows(url, "SELECT count(*) FROM messages") == [(0,)]
        assert len(archive.objects) == 1, archive.objects
        run("secrets", "rotate")
        run("backup", "create")
        run("migrate", "--to-sqlite")


def main() -> int:
    program = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="csai-packaged-") as folder:
        check(program, Path(folder))
    print("ok  the packaged program works with PostgreSQL, Redis and an S3-compatible archive")
    return 0


if __name__ == "__main__":
    sys.exit(main())
