"""The widget's files as browsers get them: by name, compressed, checked."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re

import httpx
import pytest

from tests.http.clients import Operator
from tests.http.running_server import RunningServer
from tests.loopback import DIRECT

IDENTITY = {"Accept-Encoding": "identity"}


def fetch(server: RunningServer, name: str, **headers: str) -> httpx.Response:
    """Return the answer as it is on the wire, its body not unpacked."""
    request = httpx.Request("GET", f"{server.base_url}/{name}", headers=headers)
    with httpx.Client(**DIRECT) as client:
        answer = client.send(request, stream=True)
        body = b"".join(answer.iter_raw())
        answer.close()
    return httpx.Response(
        answer.status_code,
        content=body,
        headers=[pair for pair in answer.headers.items() if pair[0] != "content-encoding"],
        extensions={"packed": answer.headers.get("content-encoding")},
    )


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip, deflate, br", "gzip"),
        ("GZIP;q=0.5", "gzip"),
        ("*", "gzip"),
        ("identity", None),
        ("", None),
        ("gzip;q=0, identity", None),
        ("gzip; q=0.0", None),
        ("br", None),
        ("x-gzipped", None),
    ],
)
def test_a_file_is_packed_for_who_takes_it(demo_server, accepted: str, packed: str | None):
    plain = fetch(demo_server, "widget.js", **IDENTITY)
    answer = fetch(demo_server, "widget.js", **{"Accept-Encoding": accepted})
    assert answer.extensions["packed"] == packed
    assert answer.headers["vary"] == "Accept-Encoding"
    body = gzip.decompress(answer.content) if packed else answer.content
    assert body == plain.content
    assert (answer.headers["etag"] != plain.headers["etag"]) == (packed is not None)
    tag = answer.headers["etag"]
    again = {"Accept-Encoding": accepted, "If-None-Match": f"W/{tag}"}
    assert fetch(demo_server, "widget.js", **again).status_code == 304
    other = {"Accept-Encoding": "identity" if packed else "gzip", "If-None-Match": tag}
    assert fetch(demo_server, "widget.js", **other).status_code == 200


def test_a_pinned_snippet_names_a_file_that_is_what_it_says(demo_server, operator: Operator):
    shop = operator.make_shop()
    path = f"/tenants/{shop.id}/embed?api_key={shop.api_key}"
    plain = operator.call("GET", path)["snippet"]
    assert "integrity" not in plain
    pinned = operator.call("GET", f"{path}&pinned=true")["snippet"]
    found = re.fullmatch(
        rf'<script src="{demo_server.base_url}/(widget\.[0-9a-f]{{16}}\.js)" '
        rf'data-api-key="{shop.api_key}" integrity="sha384-([\w+/=]+)" crossorigin="anonymous" '
        r"async></script>",
        pinned,
    )
    assert found is not None
    answer = fetch(demo_server, found[1], **IDENTITY, Origin="https://shop.example")
    assert base64.b64encode(hashlib.sha384(answer.content).digest()).decode() == found[2]
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.content == fetch(demo_server, "widget.js", **IDENTITY).content


def test_an_earlier_release_can_still_be_loaded(tmp_path):
    script = b"earlier();"
    digest = hashlib.sha256(script).hexdigest()[:16]
    release = tmp_path / "data" / "widget" / digest
    release.mkdir(parents=True)
    (release / f"widget.{digest}.js").write_bytes(script)
    (release / "widget-extras.AbCd-_12.js").write_bytes(b"extras();")
    (tmp_path / "data").chmod(0o700)
    with RunningServer(tmp_path) as server:
        assert fetch(server, f"widget.{digest}.js", **IDENTITY).content == script
        assert fetch(server, "widget-extras.AbCd-_12.js", **IDENTITY).content == b"extras();"
        assert fetch(server, "widget.0123456789abcdef.js").status_code == 404
        assert len(list((tmp_path / "data" / "widget").iterdir())) == 2
