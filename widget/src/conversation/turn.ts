/**
 * Owns one turn on the wire: sending the message, reading its events, and getting the answer through a broken connection
 * without ever starting a second turn.
 * Leaves what the visitor sees of it to the conversation.
 */
import type { ApiClient } from "../api/client";
import { type MessageRequest, type Reply, readReply } from "../api/contract";
import { asObject, asText, parseJson } from "../api/json";
import { Problem, networkProblem, readProblem, unreadableProblem } from "../api/problem";
import { readEvents } from "../stream/read-events";
import type { SseEvent } from "../stream/sse-parser";

export type TurnEvent =
  /** The text streamed so far is void: the turn's events start (again) here. */
  | { readonly type: "session"; readonly sessionId: string; readonly userMessageId: string }
  | { readonly type: "delta"; readonly text: string }
  | { readonly type: "tool"; readonly name: string; readonly isRunning: boolean }
  | { readonly type: "connecting" }
  | { readonly type: "reply"; readonly reply: Reply };

export interface TurnOptions {
  readonly client: Pick<ApiClient, "postMessage" | "openEvents">;
  readonly request: MessageRequest;
  readonly signal: AbortSignal;
  readonly emit: (event: TurnEvent) => void;
  readonly sleep: (delayMs: number) => Promise<void>;
}

const MAX_BUSY_RETRIES = 5;
const DEFAULT_BUSY_DELAY_S = 1;
/** A resumed stream that brings no event for so long is not going to; keep-alive comments do not count. */
const RESUME_LIMIT_MS = 20_000;

type Outcome = "answered" | "lost";

/**
 * Run a turn until its reply was emitted.
 *
 * A stream that breaks is resumed after the last event that arrived, as long as that brings anything new; then the message
 * is sent again with the same `message_id`, which the server answers from the turn it already ran.
 *
 * Throws a `Problem` when there is no answer; the caller may run the same request again.
 */
export async function runTurn(options: TurnOptions): Promise<void> {
  const turn = new Turn(options);
  if ((await turn.post()) === "answered") return;
  options.emit({ type: "connecting" });
  for (let before = ""; before !== turn.lastEventId; ) {
    before = turn.lastEventId;
    if ((await turn.resume()) === "answered") return;
  }
  if ((await turn.post()) === "answered") return;
  throw networkProblem();
}

class Turn {
  private sessionId: string;
  lastEventId = "";
  /** Whether the server said that this turn failed. */
  private isOver = false;

  constructor(private readonly options: TurnOptions) {
    this.sessionId = options.request.session_id ?? "";
  }

  async post(): Promise<Outcome> {
    const { client, signal, sleep } = this.options;
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.consume(await client.postMessage(this.request(), signal));
      } catch (error) {
        if (!(error instanceof Problem) || error.code !== "turn_in_progress") throw error;
        if (attempt >= MAX_BUSY_RETRIES || signal.aborted) throw error;
        await sleep((error.retryAfterS ?? DEFAULT_BUSY_DELAY_S) * 1000);
      }
    }
  }

  async resume(): Promise<Outcome> {
    const { client, signal } = this.options;
    const watch = new AbortController();
    const abort = (): void => watch.abort();
    let timer = setTimeout(abort, RESUME_LIMIT_MS);
    signal.addEventListener("abort", abort, { once: true });
    const onEvent = (): void => {
      clearTimeout(timer);
      timer = setTimeout(abort, RESUME_LIMIT_MS);
    };
    try {
      const response = await client.openEvents(this.sessionId, this.lastEventId, watch.signal);
      return await this.consume(response, onEvent);
    } catch (error) {
      // What ended the turn is thrown on; a stream that cannot be opened is a lost one.
      if (this.isOver) throw error;
      return "lost";
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  }

  /** The session may have begun with the first attempt; from then on its id says so. */
  private request(): MessageRequest {
    const { request } = this.options;
    return this.sessionId === "" ? request : { ...request, session_id: this.sessionId };
  }

  private async consume(response: Response, onEvent?: () => void): Promise<Outcome> {
    const isStream = (response.headers.get("Content-Type") ?? "").includes("text/event-stream");
    if (!isStream || response.body === null) return this.takeWhole(await readText(response));
    try {
      for await (const event of readEvents(response.body)) {
        onEvent?.();
        if (this.takeEvent(event)) return "answered";
      }
    } catch (error) {
      if (error instanceof Problem) throw error;
    }
    if (this.options.signal.aborted) throw networkProblem();
    return "lost";
  }

  private takeWhole(text: string): Outcome {
    const reply = readReply(parseJson(text));
    if (reply === null) throw unreadableProblem();
    this.options.emit({ type: "reply", reply });
    return "answered";
  }

  /** Give whether the turn is over; its `error` event is thrown. */
  private takeEvent({ type, data, lastEventId }: SseEvent): boolean {
    if (lastEventId !== "") this.lastEventId = lastEventId;
    const body = asObject(parseJson(data));
    if (type === "message") return this.takeWhole(data) === "answered";
    if (type === "error") {
      this.isOver = true;
      throw readProblem(body, 500);
    }
    // A stream that is done without an answer has lost it on the way.
    if (type === "done") return false;
    if (type === "session") {
      this.sessionId = asText(body["session_id"]) || this.sessionId;
      this.options.emit({ type, sessionId: this.sessionId, userMessageId: asText(body["user_message_id"]) });
    } else if (type === "delta") {
      this.options.emit({ type, text: asText(body["text"]) });
    } else if (type === "tool") {
      this.options.emit({ type, name: asText(body["name"]), isRunning: body["status"] === "running" });
    }
    return false;
  }
}

async function readText(response: Response): Promise<string> {
  try {
    return await response.text();
  } catch {
    throw networkProblem();
  }
}
