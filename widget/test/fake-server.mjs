/**
 * Owns a small server on loopback that speaks the visitor side of the HTTP contract, for tests and for looking at the widget.
 * Leaves answers to a script; it keeps sessions and turns in memory and never runs a `message_id` twice.
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";

/**
 * @typedef {{ name: string, seconds?: number }} ScriptedTool
 * @typedef {{
 *   text?: string, deltas?: readonly string[], tools?: readonly ScriptedTool[], quickReplies?: readonly string[], citations?: readonly object[],
 *   degraded?: boolean, escalated?: boolean, ended?: boolean, form?: object,
 *   holdAfter?: "running" | "delta", person?: readonly Sent[],
 *   refuse?: { status: number, code: string, retryAfterS?: number }, failInStream?: { status: number, code: string },
 * }} Scripted
 * @typedef {{ event: string, id: number, data: object, isHeld?: boolean }} Sent
 * @typedef {{ text: string, events: Sent[] }} Turn
 * @typedef {{ id: string, turns: Map<string, Turn>, messages: { id: string, role: string, content: string, created_at: string, citations: readonly object[], message_id?: string }[], isEnded: boolean, person: readonly Sent[] }} Session
 * @typedef {{ method: string, path: string, headers: import("node:http").IncomingHttpHeaders, body: Record<string, unknown> }} Seen
 * @typedef {{
 *   port?: number, apiKey?: string, config?: object, chunkDelayMs?: number, streams?: boolean,
 *   answer?: (message: string) => Scripted, page?: (query: URLSearchParams, origin: string) => string,
 *   cut?: (request: Seen) => number | null, resumes?: boolean, now?: () => number,
 * }} FakeServerOptions
 */

const CORS = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Headers": "X-API-Key, Content-Type, Last-Event-ID",
  "Access-Control-Expose-Headers": "Retry-After",
};

/**
 * Start the server on a free port of 127.0.0.1.
 *
 * `cut` gives after how many bytes of a streamed answer the connection is destroyed; `resumes` says whether
 * `/chat/events` knows finished turns, and goes on with what a scripted person does; a held event is the last of its stream, which stays open; `turnsRun` counts the turns that really ran.
 *
 * @param {FakeServerOptions} options
 */
export async function startFakeServer(options = {}) {
  const fake = new FakeServer(options);
  const server = createServer((request, response) => {
    fake.handle(request, response).catch(() => response.destroy());
  });
  await new Promise((resolve) => server.listen(options.port ?? 0, "127.0.0.1", () => resolve(undefined)));
  const address = server.address();
  fake.origin = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return Object.assign(fake, { close });
}

class FakeServer {
  origin = "";
  turnsRun = 0;
  /** @type {Seen[]} */
  seen = [];
  /** @type {Map<string, Session>} */
  sessions = new Map();
  /** @type {Map<string, string>} */
  opened = new Map();

  /** @param {FakeServerOptions} options */
  constructor(options) {
    this.options = options;
  }

  /**
   * @param {import("node:http").IncomingMessage} request
   * @param {import("node:http").ServerResponse} response
   */
  async handle(request, response) {
    const url = new URL(request.url ?? "/", this.origin);
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const raw = Buffer.concat(chunks).toString();
    const seen = { method: request.method ?? "", path: url.pathname, headers: request.headers, body: raw === "" ? {} : JSON.parse(raw) };
    this.seen.push(seen);
    if (seen.method === "OPTIONS") return void response.writeHead(204, CORS).end();
    if (seen.path === "/" && this.options.page) {
      return void response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" }).end(this.options.page(url.searchParams, this.origin));
    }
    if (/^\/widget(-extras\.\w+)?\.js(\.map)?$/.test(seen.path)) {
      const file = await readFile(new URL(`../dist${seen.path}`, import.meta.url));
      return void response.writeHead(200, { ...CORS, "Content-Type": "text/javascript; charset=utf-8" }).end(file);
    }
    if (seen.headers["x-api-key"] !== (this.options.apiKey ?? "pk_test")) return this.refuse(response, { status: 401, code: "unknown_key" });
    await this.route(seen, response);
  }

  /**
   * @param {Seen} seen
   * @param {import("node:http").ServerResponse} response
   */
  async route(seen, response) {
    const { path } = seen;
    if (path === "/api/config") return this.json(response, this.options.config ?? {});
    if (path === "/chat/message") return this.message(seen, response);
    if (path === "/api/feedback" || path === "/chat/stop") return this.json(response, {});
    const sessionId = path === "/chat/end" ? String(seen.body["session_id"]) : (path.split("/")[3] ?? "");
    const session = this.sessions.get(sessionId);
    if (session === undefined) return this.refuse(response, { status: 404, code: "not_found" });
    if (path.startsWith("/chat/history/")) {
      return this.json(response, { session_id: session.id, messages: session.messages, conversation_ended: session.isEnded });
    }
    if (path === "/chat/end") {
      session.isEnded = true;
      return this.json(response, {});
    }
    if (path.startsWith("/chat/events/") && this.options.resumes !== false) {
      const after = Number(seen.headers["last-event-id"] ?? 0);
      const events = [...session.turns.values()].flatMap((turn) => turn.events).filter((event) => event.id > after);
      return this.stream(seen, response, [...events, ...session.person]);
    }
    return this.refuse(response, { status: 404, code: "not_found" });
  }

  /**
   * @param {Seen} seen
   * @param {import("node:http").ServerResponse} response
   */
  async message(seen, response) {
    const text = String(seen.body["message"]);
    const scripted = this.options.answer?.(text) ?? { text: `You said: ${text}` };
    if (scripted.refuse) return this.refuse(response, scripted.refuse);
    const openingKey = seen.body["session_id"] === undefined ? String(seen.body["opening_key"] ?? "") : "";
    let session = this.sessions.get(this.opened.get(openingKey) ?? String(seen.body["session_id"]));
    if (session === undefined || session.isEnded) {
      session = { id: `vs_${this.sessions.size + 1}_${Math.random().toString(36).slice(2)}`, turns: new Map(), messages: [], isEnded: false, person: [] };
      this.sessions.set(session.id, session);
      if (openingKey !== "") this.opened.set(openingKey, session.id);
    }
    const messageId = String(seen.body["message_id"]);
    const turn = session.turns.get(messageId) ?? this.runTurn(session, messageId, text, scripted);
    const last = turn.events.find((one) => one.event === "message");
    if (this.options.streams === false && last !== undefined) return this.json(response, last.data);
    await this.stream(seen, response, turn.events);
  }

  /**
   * @param {Session} session
   * @param {string} messageId
   * @param {string} text
   * @param {Scripted} scripted
   * @returns {Turn}
   */
  runTurn(session, messageId, text, scripted) {
    this.turnsRun += 1;
    const content = scripted.text ?? "";
    const created_at = new Date(this.options.now?.() ?? 0).toISOString();
    session.person = scripted.person ?? session.person;
    const message = { id: `m_${this.turnsRun}`, role: "assistant", content, created_at, citations: scripted.citations ?? [] };
    /** @type {Sent[]} */
    const events = [];
    /** @param {string} event @param {object} data */
    const add = (event, data) => {
      const isHeld = (event === "tool" && scripted.holdAfter === "running") || (event === "delta" && scripted.holdAfter === "delta" && events.length > 8);
      events.push({ event, data, id: this.turnsRun * 10_000 + events.length, isHeld });
    };
    add("session", { session_id: session.id, conversation_id: "c", user_message_id: `u_${this.turnsRun}` });
    for (const { name } of scripted.tools ?? []) {
      add("tool", { call_id: name, name, status: "running" });
      add("tool", { call_id: name, name, status: "succeeded" });
    }
    session.messages.push({ id: `u_${this.turnsRun}`, role: "user", content: text, created_at, citations: [], message_id: messageId });
    if (scripted.failInStream) add("error", { type: "about:blank", title: "Failed", ...scripted.failInStream });
    else {
      for (const piece of scripted.deltas ?? content.match(/\s*\S+/g) ?? []) add("delta", { text: piece });
      if (content !== "") session.messages.push(message);
      session.isEnded = scripted.ended === true;
      add("message", {
        session_id: session.id,
        conversation_id: "c",
        message: content === "" ? null : { ...message, quick_replies: scripted.quickReplies ?? [], form: scripted.form ?? null },
        tools: [],
        usage: { input_tokens: 1, output_tokens: 1 },
        model: "scripted",
        cached: false,
        degraded: scripted.degraded === true,
        escalated: scripted.escalated === true,
        conversation_ended: scripted.ended === true,
      });
    }
    add("done", {});
    const turn = { text, events };
    session.turns.set(messageId, turn);
    return turn;
  }

  /**
   * @param {Seen} seen
   * @param {import("node:http").ServerResponse} response
   * @param {readonly Sent[]} events
   */
  async stream(seen, response, events) {
    response.writeHead(200, { ...CORS, "Content-Type": "text/event-stream; charset=utf-8" });
    const delayMs = this.options.chunkDelayMs ?? 0;
    let left = this.options.cut?.(seen) ?? Infinity;
    response.write(": hello\n\n");
    for (const { event, id, data, isHeld } of events) {
      const bytes = Buffer.from(`event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`);
      if (bytes.length > left) {
        await new Promise((resolve) => response.write(bytes.subarray(0, left), resolve));
        return void response.destroy();
      }
      left -= bytes.length;
      response.write(bytes);
      if (isHeld === true) return;
      const pauseMs = JSON.stringify(data).includes('"running"') || event === "session" ? delayMs * 20 : delayMs;
      if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    response.end();
  }

  /** @param {import("node:http").ServerResponse} response @param {object} body */
  json(response, body) {
    response.writeHead(200, { ...CORS, "Content-Type": "application/json" }).end(JSON.stringify(body));
  }

  /** @param {import("node:http").ServerResponse} response @param {{ status: number, code: string, retryAfterS?: number }} problem */
  refuse(response, { status, code, retryAfterS }) {
    const headers = { ...CORS, "Content-Type": "application/problem+json", ...(retryAfterS === undefined ? {} : { "Retry-After": String(retryAfterS) }) };
    response.writeHead(status, headers).end(JSON.stringify({ type: "about:blank", title: code, status, detail: code, code }));
  }
}
