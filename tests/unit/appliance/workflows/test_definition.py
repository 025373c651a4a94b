from __future__ import annotations

import pytest

from appliance.errors import InvalidInput
from appliance.workflows.definition import parse_definition
from tests.workflows.workflow_runs import code, export_of, node, set_fields, webhook


def test_reads_name_nodes_and_webhook_path():
    definition = parse_definition(export_of([webhook(path="orders"), set_fields("Set", a=1)]))
    assert definition.name == "test"
    assert definition.node_names == ["Webhook", "Set"]
    assert definition.webhook_path == "orders"
    assert definition.start == "Webhook"
    assert definition.links["Webhook"][0][0].node == "Set"


def test_tolerates_what_real_exports_hold():
    export = export_of(
        [webhook(), node("Note", "stickyNote", 1), set_fields("Set", a=1)], [("Webhook", "Set")]
    )
    export |= {"pinData": {"Webhook": []}, "meta": {}, "active": True, "tags": [], "versionId": "x"}
    export["nodes"][2] |= {"webhookId": "x", "notes": None, "credentials": {}, "onError": None}
    export["connections"]["Webhook"]["main"].append(None)
    assert parse_definition(export).node_names == ["Webhook", "Set"]


@pytest.mark.parametrize(
    ("more", "policy"),
    [
        ({}, "stopWorkflow"),
        ({"continueOnFail": True}, "continueRegularOutput"),
        ({"onError": "continueErrorOutput"}, "continueErrorOutput"),
        ({"onError": "stopWorkflow", "continueOnFail": True}, "stopWorkflow"),
    ],
)
def test_reads_both_generations_of_the_error_policy(more, policy):
    definition = parse_definition(export_of([webhook(), code("Code", "", **more)]))
    assert definition.nodes["Code"].error_policy == policy


def test_names_every_node_that_cannot_run_with_its_type():
    export = export_of(
        [
            webhook(),
            node("Mail", "gmail", 2),
            node("Model", "@n8n/n8n-nodes-langchain.agent", 1),
            set_fields("Fine", a=1),
        ]
    )
    with pytest.raises(InvalidInput) as caught:
        parse_definition(export)
    assert caught.value.code == "unsupported_node"
    assert [error.field for error in caught.value.errors] == ["nodes.Mail", "nodes.Model"]
    for part in ("Mail", "n8n-nodes-base.gmail", "Model", "@n8n/n8n-nodes-langchain.agent"):
        assert part in caught.value.message
    assert "Fine" not in caught.value.message


@pytest.mark.parametrize(
    ("unsupported", "reason"),
    [
        (node("X", "set", 9), "version 9"),
        (node("X", "code", 2, {"language": "python"}), "python"),
        (node("X", "dataTable", 1, {"operation": "truncate"}), "truncate"),
        (node("X", "merge", 3, {"mode": "combineBySql"}), "combineBySql"),
        (node("X", "httpRequest", 4, {"authentication": "genericCredentialType"}), "credentials"),
        (node("X", "sort", 1, {"type": "random"}), "random"),
        (node("X", "respondToWebhook", 1, {"respondWith": "binary"}), "binary"),
    ],
)
def test_refuses_versions_and_modes_that_cannot_run(unsupported, reason):
    with pytest.raises(InvalidInput) as caught:
        parse_definition(export_of([webhook(), unsupported]))
    assert caught.value.code == "unsupported_node"
    assert reason in caught.value.message


def test_a_disabled_node_of_an_unknown_type_does_no_harm():
    export = export_of([webhook(), node("Mail", "gmail", 2, disabled=True)])
    assert parse_definition(export).nodes["Mail"].disabled


@pytest.mark.parametrize(
    ("export", "field"),
    [
        ({}, "nodes"),
        ({"nodes": []}, "connections"),
        ({"nodes": "x", "connections": {}}, "nodes"),
        ({"nodes": [{"type": "x"}], "connections": {}}, "nodes"),
        ({"nodes": [7], "connections": {}}, "nodes"),
        ({"nodes": [], "connections": {}}, "nodes"),
        (export_of([set_fields("Lonely", a=1)]), "nodes"),
        (export_of([webhook(), set_fields("Twin", a=1), set_fields("Twin", a=1)], []), "nodes"),
        (export_of([webhook()], [("Webhook", "Gone")]), "connections.Webhook"),
    ],
)
def test_names_the_part_that_makes_it_no_workflow(export, field):
    with pytest.raises(InvalidInput) as caught:
        parse_definition(export)
    assert caught.value.code == "validation_failed"
    assert caught.value.errors[0].field.startswith(field)


def test_starts_from_a_manual_or_schedule_trigger_where_there_is_no_webhook():
    manual = export_of([node("Go", "manualTrigger", 1), set_fields("Set", a=1)])
    assert parse_definition(manual).start == "Go"
    assert parse_definition(manual).webhook_path is None
    both = export_of([node("Clock", "scheduleTrigger", 1.2), webhook()], [])
    assert parse_definition(both).start == "Webhook"


@pytest.mark.parametrize("index", [-1, 64, 10_000_000])
def test_a_link_to_an_input_that_cannot_be_is_refused(index):
    export = export_of([webhook(), set_fields("Set", a=1)])
    export["connections"]["Webhook"]["main"][0][0]["index"] = index
    with pytest.raises(InvalidInput, match=f"'Webhook' leads to input {index}; inputs are 0 to 63"):
        parse_definition(export)


def test_outputs_links_and_nodes_are_bounded():
    wide = export_of([webhook(), set_fields("Set", a=1)], [("Webhook", "Set", 257)])
    with pytest.raises(InvalidInput, match="leads from output 257, over 256"):
        parse_definition(wide)
    bushy = export_of([webhook(), set_fields("Set", a=1)], [("Webhook", "Set")] * 1_001)
    with pytest.raises(InvalidInput, match="has 1001 connections, over 1000"):
        parse_definition(bushy)
    large = export_of([webhook(), *(set_fields(f"Set {n}", a=1) for n in range(1_000))])
    with pytest.raises(InvalidInput, match="has 1001 nodes, over 1000"):
        parse_definition(large)


def test_a_parameter_that_would_be_passed_over_is_refused_by_name():
    export = export_of([webhook(), node("Edit", "set", 3.4, {"newest": True})])
    with pytest.raises(InvalidInput, match=r"'Edit' .*parameter 'newest', which cannot run"):
        parse_definition(export)
    export = export_of([webhook(), node("Edit", "set", 3.4, {"duplicateItem": False})])
    assert parse_definition(export).node_names == ["Webhook", "Edit"]


def test_credentials_keep_their_names():
    chosen = {"httpBasicAuth": {"id": "7", "name": "Shop"}, "smtp": "Mail"}
    export = export_of([webhook(), set_fields("Set", a=1) | {"credentials": chosen}])
    kept = parse_definition(export).nodes["Set"].credentials
    assert {kind: named.name for kind, named in kept.items()} == {
        "httpBasicAuth": "Shop",
        "smtp": "Mail",
    }


def test_an_unknown_time_zone_is_refused():
    export = export_of([webhook()], settings={"timezone": "Mars/Phobos"})
    with pytest.raises(InvalidInput, match="time zone 'Mars/Phobos' does not exist"):
        parse_definition(export)
