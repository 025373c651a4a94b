// @vitest-environment node
/** Tests one turn against a real server on loopback, with the connection cut at every byte. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { ApiClient } from "../../src/api/client";
import { Problem } from "../../src/api/problem";
import { type TurnEvent, runTurn } from "../../src/conversation/turn";
import { startFakeServer } from "../fake-server.mjs";

type FakeOptions = NonNullable<Parameters<typeof startFakeServer>[0]>;

const ANSWER = { text: "Your order שלום 🍕 is **on its way**.", tools: [{ name: "get_order_status" }], quickReplies: ["Thanks"] };

let stopServer: (() => Promise<unknown>) | null = null;
afterEach(async () => {
  vi.useRealTimers();
  await stopServer?.();
  stopServer = null;
});

async function start(options: FakeOptions = {}) {
  const server = await startFakeServer({ answer: () => ANSWER, ...options });
  stopServer = server.close;
  const client = new ApiClient(server.origin, "pk_test", fetch);
  const slept: number[] = [];
  const run = async (messageId = "m1", { signal = new AbortController().signal, sessionId = "" } = {}): Promise<TurnEvent[]> => {
    const events: TurnEvent[] = [];
    const sleep = async (delayMs: number): Promise<void> => void slept.push(delayMs);
    const request = { message: "Where is it?", message_id: messageId, ...(sessionId === "" ? {} : { session_id: sessionId }) };
    await runTurn({ client, request, signal, emit: (event) => events.push(event), sleep });
    return events;
  };
  return { server, run, slept };
}

/** What a visitor would have read: streamed text, then the authoritative one. */
function readAs(events: readonly TurnEvent[]): { streamed: string; replies: string[] } {
  let streamed = "";
  const replies: string[] = [];
  for (const event of events) {
    if (event.type === "session") streamed = "";
    if (event.type === "delta") streamed += event.text;
    if (event.type === "reply") replies.push(event.reply.text);
  }
  return { streamed, replies };
}

describe("runTurn", () => {
  it("emits session, tool, text and reply in order", async () => {
    const { run } = await start();
    const events = await run();
    expect(events.map((event) => event.type).filter((type, at, all) => type !== all[at - 1])).toEqual(["session", "tool", "delta", "reply"]);
    expect(readAs(events)).toEqual({ streamed: ANSWER.text, replies: [ANSWER.text] });
  });

  it("sends the key, asks for a stream and names the message", async () => {
    const { server, run } = await start();
    await run("m7");
    const [seen] = server.seen;
    expect(seen?.headers["x-api-key"]).toBe("pk_test");
    expect(seen?.headers.accept).toBe("text/event-stream");
    expect(seen?.body).toEqual({ message: "Where is it?", message_id: "m7" });
  });

  it("takes a plain JSON answer from a server that does not stream", async () => {
    const { run } = await start({ streams: false });
    expect(readAs(await run())).toEqual({ streamed: "", replies: [ANSWER.text] });
  });

  it.each([
    { resumes: true, how: "resuming" },
    { resumes: false, how: "asking again" },
  ])("loses and doubles nothing when the stream is cut at any byte, $how", async ({ resumes }) => {
    let cutAt = Infinity;
    const { server, run } = await start({
      resumes,
      // Only the first connection of a message breaks.
      cut: ({ path, body }) => {
        const posts = server.seen.filter((one) => one.path === "/chat/message" && one.body["message_id"] === body["message_id"]);
        return path === "/chat/message" && posts.length === 1 ? cutAt : null;
      },
    });
    await run("first");
    const [sessionId = ""] = server.sessions.keys();
    for (cutAt = 0; cutAt < 1500; cutAt += 1) {
      const { streamed, replies } = readAs(await run(`m${cutAt}`, { sessionId }));
      expect(replies, `cut after ${cutAt} bytes`).toEqual([ANSWER.text]);
      expect(ANSWER.text.startsWith(streamed), `cut after ${cutAt} bytes: ${streamed}`).toBe(true);
    }
    expect([server.turnsRun, server.sessions.size]).toEqual([1501, 1]);
  }, 180_000);

  it("asks again in the session that began with the broken stream", async () => {
    const { server, run } = await start({ resumes: false, cut: () => (server.seen.length === 1 ? 400 : null) });
    expect(readAs(await run()).replies).toEqual([ANSWER.text]);
    expect([server.turnsRun, server.sessions.size]).toEqual([1, 1]);
    expect(server.seen.map((one) => one.path.split("/")[2])).toEqual(["message", "events", "message"]);
  });

  it("asks again when a resumed stream stays open but brings nothing", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const session = "event: session\nid: 1\ndata: {\"session_id\":\"vs_1\"}\n\n";
    const answer = 'event: message\nid: 2\ndata: {"message":{"content":"Here."}}\n\n';
    const stream = (text: string, init: { isOpen: boolean }, signal?: AbortSignal): Response => {
      const body = new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(text));
          if (!init.isOpen) return controller.close();
          const alive = setInterval(() => controller.enqueue(new TextEncoder().encode(": keep-alive\n\n")), 10);
          signal?.addEventListener("abort", () => (clearInterval(alive), controller.error(new Error("aborted"))));
        },
      });
      return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
    };
    const posts = [session, session + answer];
    const client = {
      postMessage: async () => stream(posts.shift() ?? "", { isOpen: false }),
      openEvents: async (_session: string, _last: string, signal: AbortSignal) => stream("", { isOpen: true }, signal),
    };
    const events: TurnEvent[] = [];
    const { signal } = new AbortController();
    const request = { message: "x", message_id: "m" };
    const running = runTurn({ client, request, signal, emit: (event) => events.push(event), sleep: async () => undefined });
    await vi.waitFor(() => expect(events.some((event) => event.type === "connecting")).toBe(true));
    await vi.advanceTimersByTimeAsync(20_001);
    await running;
    expect(readAs(events).replies).toEqual(["Here."]);
  });

  it("resumes after the last event that arrived", async () => {
    const { server, run } = await start({ cut: ({ path }) => (path === "/chat/message" ? 700 : null) });
    const events = await run();
    expect(events.some((event) => event.type === "connecting")).toBe(true);
    const resumed = server.seen.find((one) => one.path.startsWith("/chat/events/"));
    expect(Number(resumed?.headers["last-event-id"])).toBeGreaterThan(10_000);
    expect(server.turnsRun).toBe(1);
  });

  it("goes on resuming as long as that brings anything new", async () => {
    const text = "One word more. ".repeat(20).trim();
    const { server, run } = await start({ cut: () => 900, answer: () => ({ text }) });
    expect(readAs(await run())).toEqual({ streamed: text, replies: [text] });
    const paths = server.seen.map((one) => one.path.split("/")[2]);
    expect(paths).toEqual(["message", ...Array<string>(paths.length - 1).fill("events")]);
    expect(paths.length).toBeGreaterThan(3);
  });

  it("waits while another message of the session is being answered", async () => {
    let busy = 2;
    const { run, slept } = await start({
      answer: () => (busy-- > 0 ? { refuse: { status: 409, code: "turn_in_progress", retryAfterS: 3 } } : ANSWER),
    });
    expect(readAs(await run()).replies).toEqual([ANSWER.text]);
    expect(slept).toEqual([3000, 3000]);
  });

  it("gives up on a session that stays busy", async () => {
    const { run, slept } = await start({ answer: () => ({ refuse: { status: 409, code: "turn_in_progress" } }) });
    await expect(run()).rejects.toMatchObject({ code: "turn_in_progress" });
    expect(slept).toHaveLength(5);
  });

  it.each([
    [401, "unknown_key"],
    [403, "origin_not_allowed"],
    [429, "rate_limited"],
    [500, "internal"],
  ])("throws a refusal with status %i at once", async (status, code) => {
    const { server, run } = await start({ answer: () => ({ refuse: { status, code, retryAfterS: 9 } }) });
    await expect(run()).rejects.toMatchObject({ status, code, retryAfterS: 9 });
    expect(server.seen).toHaveLength(1);
  });

  it("throws the problem of an error event", async () => {
    const { run } = await start({ answer: () => ({ failInStream: { status: 503, code: "answer_unavailable" } }) });
    await expect(run()).rejects.toMatchObject({ status: 503, code: "answer_unavailable" });
  });

  it("reports a server that is gone as a network problem", async () => {
    const { server, run } = await start();
    await server.close();
    const error: unknown = await run().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Problem);
    expect(error).toMatchObject({ status: 0, code: "network" });
  });

  it("asks nothing again once it was aborted", async () => {
    const { server, run } = await start({ chunkDelayMs: 5 });
    const controller = new AbortController();
    const running = run("m1", { signal: controller.signal });
    await expect.poll(() => server.seen.length).toBe(1);
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: "network" });
    expect(server.seen).toHaveLength(1);
  });
});
