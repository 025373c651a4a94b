/**
 * Owns the requests a widget makes: addresses, headers, deadlines, and turning refusals into problems.
 * Leaves what a turn does with a response, and all retrying, to the conversation.
 */
import { type History, type MessageRequest, readHistory } from "./contract";
import { parseJson } from "./json";
import { networkProblem, problemFrom, unreadableProblem } from "./problem";

export type Fetch = (input: string, init: RequestInit) => Promise<Response>;

const SHORT_DEADLINE_MS = 15_000;
/** A server behind a buffering proxy sends its headers only with the finished answer. */
const ANSWER_DEADLINE_MS = 120_000;

/** Speaks to one appliance as one tenant's visitor. */
export class ApiClient {
  /** Whether the server has ever let this page read an answer. */
  isReached = false;

  constructor(
    readonly origin: string,
    readonly apiKey: string,
    private readonly fetch: Fetch,
  ) {}

  /** Load the tenant's public widget settings as untrusted JSON. */
  async loadConfig(): Promise<unknown> {
    return this.json("/api/config");
  }

  /** Load a conversation's past; a session the server does not know is a 404 problem. */
  async loadHistory(sessionId: string): Promise<History> {
    const body = await this.json(`/chat/history/${encodeURIComponent(sessionId)}?limit=200`);
    // Where nothing says how long a body is, one that broke off looks whole.
    if (body === undefined) throw unreadableProblem();
    return readHistory(body);
  }

  /** End a conversation on the server. */
  async endConversation(sessionId: string): Promise<void> {
    await this.json("/chat/end", { session_id: sessionId });
  }

  /** Stop the answer that is being written to a message. */
  async stopAnswer(sessionId: string): Promise<void> {
    await this.json("/chat/stop", { session_id: sessionId });
  }

  /** Rate an answer, or the whole conversation with 1 to 5 stars. */
  async rate(rating: { session_id: string; message_id?: string; rating: "up" | "down" | number; comment?: string }): Promise<void> {
    await this.json("/api/feedback", rating);
  }

  /** Send a visitor's message, asking for a stream; the response may still be plain JSON. */
  async postMessage(request: MessageRequest, signal: AbortSignal): Promise<Response> {
    return this.request("/chat/message", {
      body: request,
      signal,
      headers: { Accept: "text/event-stream" },
      deadlineMs: ANSWER_DEADLINE_MS,
    });
  }

  /** Open a session's event stream after the last event that arrived. */
  async openEvents(sessionId: string, lastEventId: string, signal: AbortSignal): Promise<Response> {
    return this.request(`/chat/events/${encodeURIComponent(sessionId)}`, {
      signal,
      headers: { Accept: "text/event-stream", ...(lastEventId === "" ? {} : { "Last-Event-ID": lastEventId }) },
      deadlineMs: SHORT_DEADLINE_MS,
    });
  }

  private async json(path: string, body?: unknown): Promise<unknown> {
    const whole = new AbortController();
    const timer = setTimeout(() => whole.abort(), SHORT_DEADLINE_MS);
    try {
      const response = await this.request(path, { body, deadlineMs: SHORT_DEADLINE_MS, signal: whole.signal });
      return parseJson(await response.text().catch(() => Promise.reject(networkProblem())));
    } finally {
      clearTimeout(timer);
    }
  }

  /** The deadline covers the wait for the headers; a body that stalls is the reader's to notice. */
  private async request(
    path: string,
    options: { body?: unknown; headers?: Record<string, string>; signal?: AbortSignal; deadlineMs: number },
  ): Promise<Response> {
    const controller = new AbortController();
    const abort = (): void => controller.abort();
    const timer = setTimeout(abort, options.deadlineMs);
    options.signal?.addEventListener("abort", abort, { once: true });
    if (options.signal?.aborted === true) abort();
    let response: Response;
    try {
      response = await this.fetch(this.origin + path, {
        method: options.body === undefined ? "GET" : "POST",
        headers: { "X-API-Key": this.apiKey, Accept: "application/json", "Content-Type": "application/json", ...options.headers },
        body: JSON.stringify(options.body),
        credentials: "omit",
        signal: controller.signal,
      });
    } catch {
      throw networkProblem();
    } finally {
      clearTimeout(timer);
    }
    this.isReached = true;
    if (!response.ok) throw await problemFrom(response);
    return response;
  }
}
