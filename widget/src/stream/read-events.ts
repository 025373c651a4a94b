/**
 * Owns turning a response body into parsed events, and noticing a body that has gone quiet.
 * Leaves the grammar to the parser and the meaning of events to the turn.
 */
import { type SseEvent, SseParser } from "./sse-parser";

/** The server writes at least a comment every 15 s; three of them missing means that the line is dead. */
export const IDLE_LIMIT_MS = 45_000;

/**
 * Yield a body's events until it ends; leaving the loop early cancels the download.
 *
 * Throws whatever the body's reader throws when the connection breaks, and an `Error` after `idleLimitMs` without a byte.
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  idleLimitMs = IDLE_LIMIT_MS,
): AsyncGenerator<SseEvent, void, undefined> {
  const reader = body.getReader();
  const parser = new SseParser();
  try {
    for (;;) {
      const { done, value } = await withLimit(reader.read(), idleLimitMs);
      if (done) return;
      yield* parser.push(value);
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

function withLimit<T>(promise: Promise<T>, limitMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("stream is idle")), limitMs);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
