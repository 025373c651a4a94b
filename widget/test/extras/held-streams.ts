/** Owns event streams for tests that stay open until a test writes to them or ends them. Leaves what is written to the test. */
import type { ApiClient } from "../../src/api/client";

/** One opened stream, as its server sees it. */
export interface HeldStream {
  readonly sessionId: string;
  readonly lastEventId: string;
  readonly signal: AbortSignal;
  send(event: string, data: object, id?: number): void;
  end(): void;
}

/** Open streams for a follower; `refuse` says what is thrown instead, attempt by attempt. */
export function holdStreams(refuse: (attempt: number) => Error | null = () => null) {
  const opened: HeldStream[] = [];
  let attempts = 0;
  const openEvents: ApiClient["openEvents"] = async (sessionId, lastEventId, signal) => {
    const refusal = refuse(attempts++);
    if (refusal !== null) throw refusal;
    let controller!: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({ start: (made) => void (controller = made) });
    signal.addEventListener("abort", () => controller.error(new Error("aborted")));
    const send = (event: string, data: object, id?: number): void =>
      controller.enqueue(new TextEncoder().encode(`event: ${event}\n${id === undefined ? "" : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`));
    opened.push({ sessionId, lastEventId, signal, send, end: () => controller.close() });
    return new Response(body);
  };
  return { openEvents, opened };
}
