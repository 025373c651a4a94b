// @vitest-environment node
/** Tests a conversation against a real server on loopback: what is shown, kept, retried and forgotten. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { ApiClient } from "../../src/api/client";
import { Problem } from "../../src/api/problem";
import { Conversation, type ConversationSignal } from "../../src/conversation/conversation";
import { type Scripted, startFakeServer } from "../fake-server.mjs";
import type { ConversationState } from "../../src/conversation/state";
import { MemoryStorage, storeOn } from "./memory-storage";

type FakeOptions = NonNullable<Parameters<typeof startFakeServer>[0]>;

let stopServer: (() => Promise<unknown>) | null = null;
afterEach(async () => void (await stopServer?.()));

/** A server, and pages that come and go over the same browser storage. */
async function start(options: FakeOptions = {}) {
  const server = await startFakeServer(options);
  stopServer = server.close;
  const local = new MemoryStorage();
  const tab = new MemoryStorage();
  let now = 1_000_000;
  let made = 0;
  vi.spyOn(Math, "random").mockReturnValue(1);
  /** What the pages do later, soonest first as each has one at most. */
  const timers = new Map<() => void, number>();
  const later = (run: () => void, delayMs: number) => {
    timers.set(run, delayMs);
    return () => void timers.delete(run);
  };
  /** Let the time pass until something is due, and give how long that was. */
  const wake = async (): Promise<number> => {
    await vi.waitFor(() => expect(timers.size).toBe(1), 10_000);
    const [[run, delayMs]] = [...timers] as [[() => void, number]];
    timers.clear();
    now += delayMs;
    run();
    return delayMs;
  };
  const openPage = () => {
    const signals: ConversationSignal[] = [];
    const states: ConversationState[] = [];
    const store = storeOn(local, tab, server.origin);
    let noticeStreaming = (): void => undefined;
    /** Settles within the very change that shows the first streamed words. */
    const streaming = new Promise<void>((resolve) => (noticeStreaming = resolve));
    const client = new ApiClient(server.origin, "pk_test", fetch);
    const conversation = new Conversation({
      client,
      store,
      context: () => ({ locale: "en" }),
      newId: () => `m${(made += 1)}`,
      newOpeningKey: () => `k${made}`,
      now: () => now,
      sleep: async () => undefined,
      later,
      locks: async (_name, _signal, work) => work(),
      onChange: (state) => {
        states.push(state);
        if (state.activity.kind === "streaming") noticeStreaming();
      },
      onSignal: (signal) => signals.push(signal),
    });
    conversation.greet("Hi!", ["Menu"]);
    return { conversation, client, store, signals, states, streaming };
  };
  return { server, openPage, ...openPage(), local, tab, timers, wake, wait: (seconds: number) => void (now += seconds * 1000) };
}

const idle = (conversation: Conversation) => expect.poll(() => conversation.state.activity.kind === "idle" && said(conversation));

function said(conversation: Conversation): string[] {
  return conversation.state.entries.map((entry) => (entry.kind === "notice" ? `(${entry.topic})` : `${entry.kind[0] ?? ""}: ${entry.text}`));
}

describe("Conversation", () => {
  it("greets, takes a message and shows its answer", async () => {
    const { conversation, store, signals, tab } = await start({ answer: () => ({ text: "Hello.", quickReplies: ["A", "B"] }) });
    expect([said(conversation), conversation.state.quickReplies]).toEqual([["a: Hi!"], ["Menu"]]);
    conversation.send("  hello ");
    expect(conversation.state.quickReplies).toEqual([]);
    await idle(conversation).toEqual(["a: Hi!", "v: hello", "a: Hello."]);
    expect(conversation.state.quickReplies).toEqual(["A", "B"]);
    expect(store.sessionId).toMatch(/^vs_/);
    expect(tab.length).toBe(0);
    expect(signals).toEqual([
      { type: "message", role: "user", text: "hello" },
      { type: "message", role: "assistant", text: "Hello." },
    ]);
  });

  it("answers messages one after the other in one session", async () => {
    const { conversation, server } = await start();
    conversation.send("one");
    conversation.send("two");
    conversation.send("   ");
    await idle(conversation).toEqual(["a: Hi!", "v: one", "a: You said: one", "v: two", "a: You said: two"]);
    expect([server.turnsRun, server.sessions.size]).toEqual([2, 1]);
  });

  it("shows the past after a reload", async () => {
    const { conversation, openPage } = await start();
    conversation.send("one");
    await idle(conversation).toContain("a: You said: one");
    const page = openPage();
    await page.conversation.load();
    expect(said(page.conversation)).toEqual(["a: Hi!", "v: one", "a: You said: one"]);
    expect(page.conversation.state.quickReplies).toEqual([]);
  });

  it("forgets a session the server no longer knows, without a word", async () => {
    const { conversation, store } = await start();
    store.sessionId = "vs_gone";
    await conversation.load();
    expect([said(conversation), conversation.state.failure, store.sessionId]).toEqual([["a: Hi!"], null, ""]);
  });

  it("keeps a message that failed and sends it again with the same id", async () => {
    const answers: Scripted[] = [{ refuse: { status: 500, code: "internal" } }, { text: "Hello." }];
    const { conversation, server, tab } = await start({ answer: () => answers.shift() ?? {} });
    conversation.send("hello");
    await expect.poll(() => conversation.state.failure?.problem.status).toBe(500);
    expect(conversation.state.entries[1]).toMatchObject({ delivery: "failed", text: "hello" });
    expect(tab.length).toBe(1);
    conversation.retry();
    await idle(conversation).toEqual(["a: Hi!", "v: hello", "a: Hello."]);
    expect(conversation.state.failure).toBeNull();
    const ids = server.seen.filter((one) => one.path === "/chat/message").map((one) => one.body["message_id"]);
    expect(ids).toEqual(["m1", "m1"]);
  });

  it("waits as long as a rate limit says before it tries again", async () => {
    const answers: Scripted[] = [{ refuse: { status: 429, code: "rate_limited", retryAfterS: 20 } }, { text: "Hello." }];
    const { conversation, server, wait } = await start({ answer: () => answers.shift() ?? {} });
    conversation.send("hello");
    await expect.poll(() => conversation.state.failure?.canRetryAt).toBe(1_020_000);
    conversation.retry();
    await conversation.load();
    expect(server.seen.filter((one) => one.path === "/chat/message")).toHaveLength(1);
    wait(21);
    conversation.retry();
    await idle(conversation).toContain("a: Hello.");
  });

  it("gives back the text of a message that cannot be accepted", async () => {
    const { conversation, signals, tab } = await start({ answer: () => ({ refuse: { status: 400, code: "invalid_request" } }) });
    conversation.send("one");
    conversation.send("two");
    await expect.poll(() => signals.find((signal) => signal.type === "returned")).toEqual({ type: "returned", text: "one\ntwo" });
    expect(said(conversation)).toEqual(["a: Hi!"]);
    expect(conversation.state.failure?.problem.status).toBe(400);
    expect(tab.length).toBe(0);
  });

  it("sends a message that a reload interrupted, and shows it once", async () => {
    const { conversation, openPage, server, streaming } = await start({ chunkDelayMs: 5, answer: () => ({ text: "One two three four." }) });
    conversation.send("hello");
    await streaming;
    conversation.stop();
    const page = openPage();
    await page.conversation.load();
    await idle(page.conversation).toEqual(["a: Hi!", "v: hello", "a: One two three four."]);
    expect(server.turnsRun).toBe(1);
    expect(page.store.pending).toEqual([]);
  });

  it("sends what an earlier page left before what is new, also when the past cannot be loaded", async () => {
    const { conversation, store, openPage, server } = await start();
    conversation.send("one");
    await idle(conversation).toContain("a: You said: one");
    store.pending = [{ id: "left", text: "two", openingKey: "", at: 0 }];
    const page = openPage();
    const { loadHistory } = page.client;
    page.client.loadHistory = async () => Promise.reject(new Problem(502, ""));
    await page.conversation.load();
    expect(said(page.conversation)).toEqual(["a: Hi!", "v: two"]);
    page.client.loadHistory = loadHistory;
    page.conversation.send("three");
    await idle(page.conversation).toEqual(["a: Hi!", "v: one", "a: You said: one", "v: two", "a: You said: two", "v: three", "a: You said: three"]);
    expect([...server.sessions.values()].map(({ messages }) => messages.length)).toEqual([6]);
  });

  it("takes a past that broke off for one that could not be loaded", async () => {
    const { conversation, store, client } = await start();
    store.sessionId = "vs_any";
    Object.assign(client, { fetch: async () => new Response('{"messages": [') });
    await conversation.load();
    expect([conversation.state.failure?.of, store.sessionId]).toEqual(["history", "vs_any"]);
  });

  it("shows what another tab said while this one was busy", async () => {
    const { conversation, openPage, streaming } = await start({ chunkDelayMs: 5 });
    conversation.send("one");
    await streaming;
    const other = openPage();
    other.conversation.send("two");
    await idle(other.conversation).toContain("a: You said: two");
    conversation.resync();
    await idle(conversation).toEqual(["a: Hi!", "v: one", "a: You said: one", "v: two", "a: You said: two"]);
  });

  it("runs a first message once, wherever its stream is cut, and finds its session again", async () => {
    let cutAt: number | null = 0;
    const { openPage, server, tab, local } = await start({ resumes: false, cut: () => cutAt, answer: () => ({ text: "Hello." }) });
    for (const at of [0, 10, 60, 100, 200]) {
      cutAt = at;
      tab.clear();
      local.clear();
      const turnsBefore = server.turnsRun;
      const { conversation, store } = openPage();
      conversation.send("hello");
      await expect.poll(() => conversation.state.failure?.problem.status, { message: `cut at ${at}` }).toBe(0);
      cutAt = null;
      const page = openPage();
      await page.conversation.load();
      await idle(page.conversation).toEqual(["a: Hi!", "v: hello", "a: Hello."]);
      expect([server.turnsRun, store.pending]).toEqual([turnsBefore + 1, []]);
    }
    expect(server.sessions.size).toBe(5);
  });

  it("sends the opening key with a first message only", async () => {
    const { conversation, server } = await start();
    conversation.send("one");
    conversation.send("two");
    await idle(conversation).toContain("a: You said: two");
    const sent = server.seen.filter((one) => one.path === "/chat/message").map((one) => one.body);
    expect(sent.map((body) => [body["opening_key"], typeof body["session_id"]])).toEqual([
      ["k1", "undefined"],
      [undefined, "string"],
    ]);
  });

  it("closes an ended conversation and starts a new one with the next message", async () => {
    const { conversation, server, store, signals } = await start({ answer: (text) => ({ text: "Ok.", ended: text === "bye" }) });
    conversation.send("bye");
    await idle(conversation).toEqual(["a: Hi!", "v: bye", "a: Ok.", "(ended)"]);
    expect(store.sessionId).toBe("");
    expect(signals).toContainEqual({ type: "ended" });
    conversation.send("again");
    await idle(conversation).toEqual(["a: Hi!", "v: bye", "a: Ok.", "(ended)", "v: again", "a: Ok."]);
    expect(server.sessions.size).toBe(2);
  });

  it("says once that it is degraded, and that a human was asked for", async () => {
    const { conversation } = await start({ answer: () => ({ text: "Ok.", degraded: true, escalated: true }) });
    conversation.send("one");
    await idle(conversation).toContain("a: Ok.");
    conversation.send("two");
    await idle(conversation).toEqual(["a: Hi!", "v: one", "a: Ok.", "(degraded)", "(escalated)", "v: two", "a: Ok."]);
  });

  it("leaves behind what was said in a session that the next message is no more part of", async () => {
    const { server, conversation } = await start();
    conversation.send("Anna's order");
    await idle(conversation).toEqual(["a: Hi!", "v: Anna's order", "a: You said: Anna's order"]);
    for (const [id, session] of [...server.sessions]) server.sessions.delete(id) && server.sessions.set("theirs", session);
    conversation.send("one");
    conversation.send("two");
    await idle(conversation).toEqual(["a: Hi!", "v: one", "a: You said: one", "v: two", "a: You said: two"]);
  });

  it("does not wait for ever for a past that stalls", async () => {
    const { conversation, client, store } = await start();
    store.sessionId = "vs_1";
    vi.useFakeTimers();
    const stalled = new ApiClient(client.origin, "pk_test", async (_, { signal }) => {
      const body = new ReadableStream({ start: (stream) => signal?.addEventListener("abort", () => stream.error(new Error("aborted"))) });
      return new Response(body);
    });
    const loaded = stalled.loadHistory("vs_1").catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(15_000);
    vi.useRealTimers();
    expect(await loaded).toMatchObject({ status: 0 });
    conversation.stop();
  });

  it("shows no answer where a person has the conversation", async () => {
    const { conversation } = await start({ answer: () => ({ text: "", escalated: true }) });
    conversation.send("one");
    await idle(conversation).toEqual(["a: Hi!", "v: one", "(escalated)"]);
  });

  it("starts afresh on request and ends the old conversation on the server", async () => {
    const { conversation, server, store } = await start();
    conversation.send("one");
    await idle(conversation).toContain("a: You said: one");
    const sessionId = store.sessionId;
    conversation.restart();
    expect([said(conversation), conversation.state.quickReplies, store.sessionId]).toEqual([["a: Hi!"], ["Menu"], ""]);
    await expect.poll(() => server.sessions.get(sessionId)?.isEnded).toBe(true);
    conversation.send("two");
    await idle(conversation).toEqual(["a: Hi!", "v: two", "a: You said: two"]);
  });

  it("lets nothing of an abandoned turn into the new conversation", async () => {
    const { conversation, server, streaming } = await start({ chunkDelayMs: 5 });
    conversation.send("old");
    await streaming;
    conversation.restart();
    conversation.send("new");
    await idle(conversation).toEqual(["a: Hi!", "v: new", "a: You said: new"]);
    expect(server.sessions.size).toBe(2);
  });

  it("drops the rest of a piece of stream that arrived before the restart", async () => {
    const piece = 'event: delta\nid: 1\ndata: {"text":"old"}\n\nevent: message\nid: 2\ndata: {"session_id":"vs_old","message":{"content":"old"}}\n\n';
    const headers = { "Content-Type": "text/event-stream" };
    const store = storeOn(new MemoryStorage(), new MemoryStorage());
    const conversation: Conversation = new Conversation({
      client: {
        postMessage: async () => new Response(piece, { headers }),
        openEvents: () => Promise.reject(new Error("not expected")),
        loadHistory: () => Promise.reject(new Error("not expected")),
        endConversation: async () => undefined,
        stopAnswer: async () => undefined,
        rate: async () => undefined,
      },
      store,
      context: () => ({}),
      newId: () => "m1",
      newOpeningKey: () => "k1",
      now: () => 0,
      sleep: async () => undefined,
      later: () => () => undefined,
      locks: async (_name, _signal, work) => work(),
      onChange: ({ activity }) => (activity.kind === "streaming" ? conversation.restart() : undefined),
      onSignal: (signal) => (signal.type === "restarted" ? noticeRestart() : undefined),
    });
    let noticeRestart = (): void => undefined;
    const restarted = new Promise<void>((resolve) => (noticeRestart = resolve));
    conversation.send("hello");
    await restarted;
    // The rest of the piece is taken in the microtasks before this macrotask.
    await new Promise((resolve) => setImmediate(resolve));
    expect([said(conversation), store.sessionId]).toEqual([[], ""]);
  });

  it("shows a lost connection and goes on by itself when the network is back", async () => {
    const { conversation, server } = await start();
    const { origin } = server;
    await server.close();
    conversation.send("hello");
    await expect.poll(() => conversation.state.failure?.problem.status).toBe(0);
    expect(conversation.state.connection).toBe("offline");
    const revived = await startFakeServer({ port: Number(new URL(origin).port) });
    stopServer = revived.close;
    conversation.setOnline(true);
    await idle(conversation).toEqual(["a: Hi!", "v: hello", "a: You said: hello"]);
    expect(conversation.state.connection).toBe("online");
  });

  it("sends what waits when a conversation ends in a new one, and what the server has no more", async () => {
    const { conversation, server, tab } = await start({ answer: (text) => ({ text: "Ok.", ended: text === "bye" }) });
    conversation.send("bye");
    conversation.send("one more");
    await expect.poll(() => said(conversation).filter((line) => line === "a: Ok.")).toHaveLength(2);
    expect([server.turnsRun, server.sessions.size, tab.length, conversation.state.isEnded]).toEqual([2, 2, 0, false]);
  });
});

describe("Trying again by itself", () => {
  const down: Scripted = { refuse: { status: 500, code: "internal" } };
  const delivery = ({ state }: Conversation) => state.entries.map((entry) => entry.kind === "visitor" && entry.delivery).filter(Boolean);

  it("waits longer each time, and leaves an answer that fails again and again to the visitor", async () => {
    const answers = Array<Scripted>(7).fill(down);
    const { conversation, server, wake, timers } = await start({ answer: () => answers.shift() ?? { text: "Hello." } });
    conversation.send("hello");
    const pauses: number[] = [];
    for (let at = 0; at < 6; at += 1) pauses.push(await wake());
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000]);
    await vi.waitFor(() => expect(conversation.state.failure?.retriesAt).toBeNull());
    expect([timers.size, delivery(conversation)]).toEqual([0, ["failed"]]);
    conversation.retry();
    await idle(conversation).toEqual(["a: Hi!", "v: hello", "a: Hello."]);
    expect(new Set(server.seen.filter((one) => one.path === "/chat/message").map((one) => one.body["message_id"]))).toEqual(new Set(["m1"]));
  });

  it("tries a line that is gone for ever, at its own pace again once something arrived", async () => {
    const { conversation, server, wake, timers } = await start();
    await server.close();
    conversation.send("hello");
    let pauses: number[] = [];
    for (let at = 0; at < 9; at += 1) pauses.push(await wake());
    expect(pauses.slice(4)).toEqual([16_000, 30_000, 30_000, 30_000, 30_000]);
    await vi.waitFor(() => expect(timers.size).toBe(1));
    const revived = await startFakeServer({ port: Number(new URL(server.origin).port) });
    await wake();
    await idle(conversation).toEqual(["a: Hi!", "v: hello", "a: You said: hello"]);
    await revived.close();
    conversation.send("and");
    pauses = [await wake(), await wake()];
    expect(pauses).toEqual([1000, 2000]);
    conversation.stop();
  });

  it("scatters its tries, by at most a half", async () => {
    const { conversation, wake } = await start({ answer: () => down });
    vi.mocked(Math.random).mockReturnValue(0);
    conversation.send("hello");
    expect([await wake(), await wake()]).toEqual([500, 1000]);
    conversation.stop();
  });

  it.each([
    [{ status: 429, code: "rate_limited", retryAfterS: 20 }, 21_000],
    [{ status: 429, code: "rate_limited" }, 31_000],
    [{ status: 503, code: "unavailable", retryAfterS: 7 }, 8000],
    [{ status: 503, code: "unavailable" }, 1000],
  ])("waits as long as %j says, and a little more", async (refuse, pauseMs) => {
    const answers: Scripted[] = [{ refuse }];
    const { conversation, wake } = await start({ answer: () => answers.shift() ?? { text: "Hello." } });
    conversation.send("hello");
    expect(await wake()).toBe(pauseMs);
    await idle(conversation).toContain("a: Hello.");
  });

  it("does not try what only the visitor can mend", async () => {
    for (const [status, code] of [[400, "invalid_request"], [401, "unknown_key"], [403, "origin_not_allowed"], [413, "too_large"]] as const) {
      const { conversation, signals, timers, server } = await start({ answer: () => ({ refuse: { status, code } }) });
      conversation.send("hello");
      await expect.poll(() => signals.at(-1)).toEqual({ type: "returned", text: "hello" });
      expect([said(conversation), timers.size, conversation.state.failure?.retriesAt]).toEqual([["a: Hi!"], 0, null]);
      await server.close();
    }
  });

  it("says that it has failed until something arrives", async () => {
    const answers: Scripted[] = [down, down];
    const { conversation, states, wake } = await start({ answer: () => answers.shift() ?? { text: "Hello." } });
    conversation.send("hello");
    await wake();
    await wake();
    await idle(conversation).toContain("a: Hello.");
    const seen = states.map(({ failure, activity }) => `${activity.kind}${failure === null ? "" : " failed"}`);
    expect(seen.filter((one, at) => one !== seen[at - 1])).toEqual(["idle", "waiting", "idle failed", "waiting failed", "idle failed", "waiting failed", "waiting", "streaming", "idle"]);
  });

  it("tries the past again too, and only then sends", async () => {
    const { conversation, server, openPage, wake } = await start();
    conversation.send("one");
    await idle(conversation).toContain("a: You said: one");
    const page = openPage();
    const { sessionId } = page.store;
    const session = server.sessions.get(sessionId);
    server.sessions.delete(sessionId);
    server.options.apiKey = "another";
    await page.conversation.load();
    expect(page.conversation.state.failure).toMatchObject({ of: "history", problem: { status: 401 }, retriesAt: null });
    server.options.apiKey = "pk_test";
    await server.close();
    page.conversation.send("two");
    await expect.poll(() => page.conversation.state.failure?.problem.status).toBe(0);
    const revived = await startFakeServer({ port: Number(new URL(server.origin).port) });
    stopServer = revived.close;
    if (session) revived.sessions.set(sessionId, session);
    revived.turnsRun = server.turnsRun;
    await wake();
    await idle(page.conversation).toEqual(["a: Hi!", "v: one", "a: You said: one", "v: two", "a: You said: two"]);
  });

  it.each(["stop", "restart", "close"] as const)("tries no more after %s", async (end) => {
    const { conversation, timers } = await start({ answer: () => down });
    conversation.send("hello");
    await expect.poll(() => timers.size).toBe(1);
    // The server may have it, for all that this page knows.
    conversation.set({ entries: conversation.state.entries.map((entry) => (entry.kind === "visitor" ? { ...entry, messageId: "u_1" } : entry)) });
    conversation[end]();
    await conversation.load();
    expect(timers.size).toBe(0);
  });

  it("sends nothing after its end", async () => {
    const { server, conversation, store, openPage } = await start();
    conversation.send("one");
    conversation.stop();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([server.turnsRun, store.pending.length]).toEqual([0, 1]);
    const next = openPage().conversation;
    void next.load();
    await idle(next).toEqual(["a: Hi!", "v: one", "a: You said: one"]);
  });

  it("begins no tries after its end", async () => {
    const { store, conversation, timers, server } = await start();
    store.sessionId = "vs_1";
    await server.close();
    const loading = conversation.load();
    conversation.stop();
    await loading;
    expect([timers.size, conversation.state.failure]).toEqual([0, null]);
  });

  it("lets nothing of the past into a conversation that was begun meanwhile", async () => {
    const { conversation, openPage } = await start();
    conversation.send("one");
    await idle(conversation).toContain("a: You said: one");
    const page = openPage();
    const loading = page.conversation.load();
    page.conversation.restart();
    await loading;
    expect(said(page.conversation)).toEqual(["a: Hi!"]);
  });
});

describe("A refusal that broke off", () => {
  const busy = JSON.stringify({ type: "about:blank", title: "Busy", status: 409, detail: "", code: "turn_in_progress" });

  it.each([0, 1, 30, busy.length - 1])("is taken for a broken line after %i bytes: the message stays", async (length) => {
    const { conversation, client, signals, tab } = await start();
    const headers = { "Content-Type": "application/problem+json" };
    Object.assign(client, { fetch: async () => new Response(busy.slice(0, length), { status: 409, headers }) });
    conversation.send("hello");
    await expect.poll(() => conversation.state.failure?.problem.status).toBe(0);
    expect(conversation.state.entries[1]).toMatchObject({ text: "hello", delivery: "failed" });
    expect(signals.some(({ type }) => type === "returned")).toBe(false);
    expect(tab.length).toBe(1);
  });

  it("is what it is when a proxy says it with a page of its own", async () => {
    const { conversation, client } = await start();
    Object.assign(client, { fetch: async () => new Response("<h1>Forbidden</h1>", { status: 403, headers: { "Content-Type": "text/html" } }) });
    conversation.send("hello");
    await expect.poll(() => conversation.state.failure?.problem.status).toBe(403);
  });
});
