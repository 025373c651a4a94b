from __future__ import annotations

from typing import Any

import pytest

from appliance.n8n.workflows import read_workflow
from tests.fakes.n8n_api import build_webhook_node

URL = "https://n8n.example/base"


def read(*nodes: Any, **more: Any) -> Any:
    return read_workflow({"id": "1", "name": "w", "nodes": list(nodes), **more}, URL)


def test_a_webhook_has_both_its_addresses() -> None:
    [webhook] = read(build_webhook_node("/a b/c", authentication="headerAuth")).webhooks
    assert webhook.production_url == f"{URL}/webhook/a%20b/c"
    assert webhook.test_url == f"{URL}/webhook-test/a%20b/c"
    assert (webhook.method, webhook.authentication) == ("POST", "headerAuth")


def test_n8ns_defaults_are_known() -> None:
    node = {"type": "n8n-nodes-base.webhook", "name": "W", "webhookId": "5f0c", "parameters": {}}
    [webhook] = read(node).webhooks
    assert (webhook.path, webhook.method, webhook.authentication) == ("5f0c", "GET", "none")


def test_a_path_with_parts_to_fill_in_begins_with_the_nodes_id() -> None:
    [webhook] = read(build_webhook_node("orders/:id")).webhooks
    assert webhook.production_url == f"{URL}/webhook/5f0c/orders/:id"


def test_a_webhook_of_several_methods_names_them() -> None:
    [webhook] = read(build_webhook_node(httpMethod=["GET", "POST"])).webhooks
    assert webhook.method == "GET, POST"


def test_of_a_published_workflow_the_published_nodes_count() -> None:
    published = {"nodes": [build_webhook_node("old")]}
    found = read(build_webhook_node("new"), active=True, activeVersion=published)
    assert [webhook.path for webhook in found.webhooks] == ["old"]
    found = read(build_webhook_node("new"), active=False, activeVersion=published)
    assert [webhook.path for webhook in found.webhooks] == ["new"]
    assert read(build_webhook_node("new"), active=True).webhooks[0].path == "new"


@pytest.mark.parametrize(
    "node",
    [
        5,
        {},
        {"type": "n8n-nodes-base.set"},
        {**build_webhook_node(), "disabled": True},
        {"type": "n8n-nodes-base.webhook", "parameters": 5},
    ],
)
def test_what_is_no_webhook_is_left_out(node: Any) -> None:
    assert read(node).webhooks == []


def test_a_workflow_without_nodes_is_read() -> None:
    assert read_workflow({"id": 7}, URL).webhooks == []
    assert read_workflow({"id": 7, "nodes": "none"}, URL).webhooks == []
