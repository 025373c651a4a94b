"""Long conversations in one page, as fast as the widget takes them, and what they leave in memory.

Owns answers that are made within the page, and counting after a collection of garbage; how much may
be left is the tests' and the bench's to say.
"""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Page

ANSWERED_IN_PAGE = """
const bytes = new TextEncoder();
let turn = 0;
const talk = (session) => {
    turn += 1;
    const content = `**Answer ${turn}** with [a link](https://shop.example/${turn}):\\n\\n`
        + '- one\\n- two `code`\\n\\n| a | b |\\n|---|---|\\n| 1 | 2 |';
    const created_at = new Date().toISOString();
    const message = { id: `a${turn}`, role: 'assistant', content, created_at, citations: [] };
    const events = [
        ['session', { session_id: session, user_message_id: `u${turn}` }],
        ...content.match(/[^]{1,12}/g).map((text) => ['delta', { text }]),
        ['message', { session_id: session, message }],
        ['done', {}],
    ];
    return events.map(([name, data], at) =>
        `event: ${name}\\nid: ${turn * 1000 + at}\\ndata: ${JSON.stringify(data)}\\n\\n`).join('');
};
const real = window.fetch;
let sessions = 0;
window.fetch = async (input, init) => {
    const { pathname } = new URL(input);
    if (pathname === '/chat/message') {
        const session = JSON.parse(init.body).session_id ?? `vs_${sessions += 1}`;
        const headers = { 'Content-Type': 'text/event-stream' };
        return new Response(bytes.encode(talk(session)), { headers });
    }
    if (pathname.startsWith('/chat/events/')) return new Response('', { status: 404 });
    if (pathname.startsWith('/chat/')) return new Response('{"messages": []}');
    return real(input, init);
};
"""
TALK = """async (messages) => {
    const said = (text) => new Promise((done) => {
        const hear = ({ role }) => {
            if (role !== 'assistant') return;
            CSAI('off', 'message', hear);
            setTimeout(done);
        };
        CSAI('on', 'message', hear);
        CSAI('send', text);
    });
    for (let number = 0; number < messages; number += 1) await said(`Question ${number}`);
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const root = document.querySelector('csai-widget').shadowRoot;
    const shown = root.querySelectorAll('[data-testid=csai-message]').length;
    root.querySelector('[data-testid=csai-restart]').click();
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    return shown;
}"""


@dataclass(frozen=True)
class Left:
    """What a page holds after a collection of garbage."""

    heap_kb: float
    nodes: int
    listeners: int


def talk(page: Page, *, conversations: int, messages: int) -> None:
    """Hold conversations one after the other; each is drawn whole before the next begins."""
    for _ in range(conversations):
        shown = page.evaluate(TALK, messages)
        assert shown == 2 * messages + 1, f"{shown} of {2 * messages + 1} messages were drawn"


def count_left(page: Page) -> Left:
    """Collect garbage and count what is left."""
    client = page.context.new_cdp_session(page)
    client.send("Performance.enable")
    client.send("HeapProfiler.enable")
    for _ in range(3):
        client.send("HeapProfiler.collectGarbage")
    metrics = {
        one["name"]: one["value"] for one in client.send("Performance.getMetrics")["metrics"]
    }
    client.detach()
    return Left(
        heap_kb=metrics["JSHeapUsedSize"] / 1000,
        nodes=int(metrics["Nodes"]),
        listeners=int(metrics["JSEventListeners"]),
    )
