from __future__ import annotations

import asyncio
import threading

import pytest

from appliance.domain.ids import TenantId
from appliance.errors import Rejected, Unavailable
from appliance.ports.workflow_engine import WorkflowRun
from appliance.workflows.sandbox import Sandbox, SandboxLimits, load_source
from tests.unit.appliance.workflows.test_sandbox_thread import wait_for
from tests.workflows.workflow_runs import Bench, code, export_of, open_bench, set_fields, webhook

QUICK = SandboxLimits(time_s=0.2, memory_bytes=16 * 1024 * 1024, threads=1)

ENDLESS = [
    "while (true) {}",
    "const f = async () => { for (;;) await null; }; await f();",
    "/(a+)+$/.test('a'.repeat(40) + '!')",
    "Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)",
    "try { while (true) {} } catch (e) { return [] } finally { while (true) {} }",
]
GREEDY = [
    "const a = []; while (true) a.push('x'.repeat(1000) + a.length);",
    "'x'.repeat(2 ** 29)",
    "new Array(2 ** 32 - 1).fill(0)",
    "let s = 'x'; while (true) s += s;",
    "Array.from({ length: 1e9 })",
    "new Uint8Array(2 ** 30)",
    "const f = () => Promise.resolve().then(f); await f();",
]
DEEP = [
    "const f = () => f(); f()",
    "JSON.parse('['.repeat(1e6))",
    "let o = {}; for (let i = 0; i < 2e5; i++) o = { o }; return [{ json: o }]",
]
ESCAPES = [
    "require('fs')",
    "process.env",
    "fetch('http://127.0.0.1')",
    "new XMLHttpRequest()",
    "std.getenv('PATH')",
    "os.exec(['id'])",
    "Deno.env",
    "globalThis.constructor.constructor('return process')().env",
    "(await import('os')).default",
    "(await import('/etc/passwd'))",
    "new SharedArrayBuffer(8)",
]
LEAKS = [
    "Object.prototype.leaked = 1",
    "globalThis.leaked = 1",
    "Array.prototype.map = () => { throw new Error('leaked') }",
    "JSON.stringify = () => '\"leaked\"'",
    "[].constructor.constructor('return this')().leaked = 1",
    "Promise.prototype.then = () => { throw new Error('leaked') }",
    "$input.constructor.prototype.leaked = 1",
    "Object.defineProperty(globalThis, '$json', { get: () => 'leaked' })",
    "DateTime.prototype.toISODate = () => 'leaked'",
    "Math.max = () => 'leaked'; String.prototype.trim = () => 'leaked'",
]
PROBE = (
    "return [{ json: { leaked: ({}).leaked ?? globalThis.leaked ?? null, "
    "mapped: [1].map(n => n + 1), text: JSON.stringify([1]), input: $json.body.n, "
    "day: $today.toISODate(), most: Math.max(1, 2), trimmed: ' a '.trim() } }]"
)
CLEAN = {
    "leaked": None, "mapped": [2], "text": "[1]", "input": 7, "day": "2026-03-02", "most": 2,
    "trimmed": "a",
}  # fmt: skip


@pytest.mark.parametrize("source", ENDLESS)
async def test_an_endless_script_is_stopped(source):
    with open_bench(sandbox_limits=QUICK) as bench:
        with pytest.raises(Rejected, match=r"Node 'Code' failed: .*stopped after 0\.2 seconds"):
            await bench.run(export_of([webhook(), code("Code", source)]))
        assert await bench.run_nodes(code("Code", "return [{ a: 1 }]")) == [{"a": 1}]


@pytest.mark.parametrize("source", GREEDY)
async def test_a_greedy_script_fails_and_the_next_run_works(source):
    with open_bench(sandbox_limits=QUICK) as bench:
        reason = (
            r"Node 'Code' failed: .*(memory|seconds|array length|string too long|never happens)"
        )
        with pytest.raises(Rejected, match=reason):
            await bench.run(export_of([webhook(), code("Code", source)]))
        assert await bench.run_nodes(code("Code", "return [{ a: 1 }]")) == [{"a": 1}]


@pytest.mark.parametrize("source", DEEP)
async def test_a_deep_script_fails_and_the_next_run_works(source):
    with open_bench(sandbox_limits=SandboxLimits(threads=1)) as bench:
        with pytest.raises(Rejected, match=r"Node 'Code' failed: .*call stack"):
            await bench.run(export_of([webhook(), code("Code", source)]))
        assert await bench.run_nodes(code("Code", "return [{ a: 1 }]")) == [{"a": 1}]


@pytest.mark.parametrize("source", ESCAPES)
async def test_the_host_is_out_of_reach(bench, source):
    with pytest.raises(Rejected, match="Node 'Code' failed"):
        await bench.run(
            export_of([webhook(), code("Code", f"return [{{ json: {{ x: {source} }} }}]")])
        )


@pytest.mark.parametrize("source", LEAKS)
async def test_nothing_a_run_changes_reaches_the_next(source):
    with open_bench(sandbox_limits=SandboxLimits(threads=1)) as bench:
        spoil = export_of([webhook(), code("Spoil", source + "; return []")])
        probe = export_of([webhook(), code("Probe", PROBE)])
        for _ in range(3):
            await bench.runner.run_traced(spoil, {"n": 7}, tenant_id="a", time_zone="UTC")
            assert (await bench.run(probe, {"n": 7})).output == [CLEAN]


async def test_an_endless_expression_names_node_and_limit():
    with open_bench(sandbox_limits=QUICK) as bench:
        endless = set_fields("Set", x="={{ (() => { while (true) {} })() }}")
        with pytest.raises(Rejected, match=r"Node 'Set' failed: .*stopped after"):
            await bench.run(export_of([webhook(), endless]))


async def test_the_event_loop_runs_on_while_a_script_does():
    with open_bench(sandbox_limits=QUICK) as bench:
        run = asyncio.ensure_future(
            bench.runner.run_traced(
                export_of([webhook(), code("Code", "while (true) {}")]),
                {},
                tenant_id="a",
                time_zone="UTC",
            )
        )
        rounds = 0
        while not run.done():
            await asyncio.sleep(0)
            rounds += 1
        assert run.result().error is not None
        assert rounds > 100


async def test_runs_side_by_side_do_not_mix():
    with open_bench(sandbox_limits=SandboxLimits(threads=2)) as bench:
        export = export_of(
            [
                webhook(),
                code("One", "globalThis.mine = $json.body.n; return [{ n: globalThis.mine }]"),
                set_fields("Two", n="={{ [globalThis.mine, $('Webhook').first().json.body.n] }}"),
            ]
        )
        export["nodes"][2]["parameters"]["assignments"]["assignments"][0]["type"] = "array"
        runs = await asyncio.gather(*(bench.run(export, {"n": n}) for n in range(40)))
        assert [run.output for run in runs] == [[{"n": [n, n]}] for n in range(40)]


async def test_a_dead_session_stays_dead():
    sandbox = Sandbox(QUICK)
    with sandbox.session({"nodes": {}, "nowMs": 0, "timeZone": "UTC"}) as session:
        request = {"op": "regex", "source": "(a+)+$", "flags": "", "text": "a" * 40 + "!"}
        for _ in range(2):
            with pytest.raises(Rejected, match="seconds") as caught:
                await session.call(dict(request))
            assert caught.value.code == "script_timed_out"
    sandbox.close()


async def test_a_closed_sandbox_says_so():
    sandbox = Sandbox(QUICK)
    sandbox.close()
    with sandbox.session({"nodes": {}}) as session:
        with pytest.raises(Unavailable) as caught:
            await session.call({"op": "regex", "source": "a", "flags": "", "text": "a"})
        assert caught.value.code == "shutting_down"


def test_scripts_ship_with_the_package():
    assert "Luxon" not in load_source("runtime")[:50]
    assert "luxon" in load_source("luxon.min")


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ("'ok 😀'.slice(0, 4)", "ok \ufffd"),
        (r"'\ud83d\ude00'", "😀"),
        (r"'\\ud83d'", "\\ud83d"),
        (r"'\\\ud83d'", "\\\ufffd"),
    ],
)
async def test_half_of_a_character_is_replaced(bench, result, expected):
    source = code("Cut", f"return [{{ json: {{ text: {result} }} }}]")
    assert await bench.run_nodes(source) == [{"text": expected}]


async def test_a_result_nested_too_deeply_fails_the_node(bench):
    source = "let r = []; for (let i = 0; i < 2000; i++) r = [r]; return [{ json: { r } }]"
    with pytest.raises(Rejected, match="Node 'Deep' failed: its result is nested too deeply"):
        await bench.run_nodes(code("Deep", source))


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        (
            "Buffer.from('hi').toString('base64')",
            "it uses Buffer, which is there in Code nodes only",
        ),
        ("crypto.randomUUID()", "it calls crypto, which does not exist"),
        ("new URL('https://a.b')", "it calls URL, which"),
        ("$execution.resumeUrl", r"\$execution.resumeUrl is not available here"),
        ("$execution.customData.get('x')", r"\$execution.customData is not available"),
        ("$getWorkflowStaticData('global')", "keep what must outlive a run in a data table"),
        ("$fromAI('x')", r"\$fromAI is not available"),
        ("$webhookId", r"\$webhookId is not available"),
        ("process.env.SECRET", "environment variables are never shown"),
        ("require('fs')", "no modules can be loaded"),
        ("fetch('x')", "use an HTTP Request node"),
        ("$jmespath($json, 'foo(')", "JMESPath query 'foo\\(' failed"),
        ("'x'.hash('nope')", "no algorithm 'nope'"),
    ],
)
async def test_what_is_not_here_is_refused_by_name(bench, expression, problem):
    with pytest.raises(Rejected, match=problem):
        await bench.run_nodes(set_fields("Set", x=f"={{{{ {expression} }}}}"))


async def test_expressions_know_their_node(bench):
    export = set_fields("Set", x="={{ $nodeVersion }} {{ $nodeId }}") | {"id": "n-7"}
    assert await bench.run_nodes(export) == [{"x": "3.4 n-7"}]


async def test_code_sees_plain_javascript_and_plain_luxon(bench):
    source = """return [{ json: {
      after: DateTime.fromISO("2026-01-01").plus(1, "day").toISODate(),
      extended: typeof "x".isEmpty,
      ids: $jmespath({ a: [{ id: 1 }, { id: 2 }] }, "a[*].id"),
    } }]"""
    assert await bench.run_nodes(code("Plain", source)) == [
        {"after": "2026-01-01", "extended": "undefined", "ids": [1, 2]}
    ]


async def test_many_digests_are_made_in_one_round(bench):
    hashed = set_fields("Set", x="={{ $json.n.toString().hash() }}")
    output = await bench.run_nodes(hashed, items=[{"n": n} for n in range(50)])
    assert output[0] == {"x": "cfcd208495d565ef66e7dff9f98764da"}
    assert len({row["x"] for row in output}) == 50


def test_a_run_goes_to_the_thread_with_a_context_ready():
    sandbox = Sandbox(SandboxLimits(threads=2))
    first = sandbox.pick_thread("plain", "a")
    second = sandbox.pick_thread("plain", "a")  # the first has none ready, and the pool has room
    assert second is not first
    second.submit("a", lambda inside: inside.open(1, "plain", ())).result(5)
    second.forget(1)
    wait_for(lambda: sandbox.pick_thread("plain", "a") is second)
    sandbox.close()


def test_the_least_busy_thread_is_taken_when_all_are_busy():
    sandbox = Sandbox(SandboxLimits(threads=1))
    only = sandbox.pick_thread("plain", "a")
    release = threading.Event()
    only.submit("b", lambda _: release.wait(5))
    assert sandbox.pick_thread("plain", "a") is only
    release.set()
    sandbox.close()


SPINNING = export_of([webhook(), code("Endless", "while (true) {}")])
SHORT = export_of([webhook(), code("Short", "return [{ json: { ok: 1 } }]")])


def sandbox_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "workflow-sandbox"}


async def start_spinning(bench: Bench, *tenants: str) -> list[asyncio.Task[WorkflowRun]]:
    runs = [
        asyncio.create_task(
            bench.runner.run_traced(SPINNING, {}, tenant_id=TenantId(tenant), time_zone="UTC")
        )
        for tenant in tenants
    ]
    await asyncio.sleep(0.3)
    return runs


async def test_endless_scripts_of_one_tenant_hold_up_nobody_else():
    with open_bench(sandbox_limits=SandboxLimits(time_s=1.5)) as bench:
        spinning = await start_spinning(bench, *["other"] * 3)
        for _ in range(5):
            assert (await bench.run(SHORT)).output == [{"ok": 1}]
        assert not all(run.done() for run in spinning)
        runs = await asyncio.gather(*spinning)
        assert {run.error.code for run in runs} <= {"workflow_failed", "sandbox_busy"}


async def test_a_run_leaves_the_thread_that_turns_out_to_be_held():
    with open_bench(sandbox_limits=SandboxLimits(time_s=1, threads=1)) as bench:
        spinning = asyncio.create_task(
            bench.runner.run_traced(SPINNING, {}, tenant_id="other", time_zone="UTC")
        )
        await asyncio.sleep(0.02)
        assert (await bench.run(SHORT)).output == [{"ok": 1}]
        assert not spinning.done()
        await spinning


async def test_threads_started_for_endless_scripts_are_bounded_and_end_with_them():
    before = sandbox_threads()
    with open_bench(sandbox_limits=SandboxLimits(time_s=2, most_threads=4)) as bench:
        spinning = await start_spinning(bench, *"abcdef")
        most = 0
        while not all(run.done() for run in spinning):
            await asyncio.sleep(0.02)
            most = max(most, len(sandbox_threads() - before))
        assert most == 4
        wait_for(lambda: len(sandbox_threads() - before) <= 2)


async def test_timers_end(bench):
    with pytest.raises(Rejected, match="sets more than 10000 timers"):
        await bench.run_nodes(
            code("Ticks", "setInterval(() => {}, 1); await new Promise(() => {})")
        )


async def test_a_timer_that_throws_fails_the_node(bench):
    source = "setTimeout(() => { throw new Error('late') }, 1); await new Promise(() => {})"
    with pytest.raises(Rejected, match="'Late' failed: the code failed: late"):
        await bench.run_nodes(code("Late", source))


async def test_an_expression_has_no_timers(bench):
    with pytest.raises(Rejected, match="setTimeout, which is there in Code nodes only"):
        await bench.run_nodes(set_fields("Set", x="={{ setTimeout(() => 1, 1) }}"))
