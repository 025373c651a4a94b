/** Tests the event-stream grammar, above all that no cut of the bytes changes what comes out. */
import { describe, expect, it } from "vitest";
import { type SseEvent, SseParser } from "../../src/stream/sse-parser";

const encoder = new TextEncoder();

function parse(...chunks: readonly Uint8Array[]): SseEvent[] {
  const parser = new SseParser();
  return chunks.flatMap((chunk) => parser.push(chunk));
}

const STREAM = [
  "\uFEFF: a comment first\n\n",
  "event: session\nid: 1\ndata: {\"session_id\":\"vs_1\"}\n\n",
  "event: delta\r\nid: 2\r\ndata: שלום 🍕 café\r\n\r\n",
  ": keep-alive\r",
  "event: delta\rid: 3\rdata:no space\rdata:  two spaces\rdata\r\r",
  "id: 4\nretry: 10\nunknown: x\ndata: plain\n\n",
  "event: dropped\n\n",
  "event: done\ndata: {}\n\n",
  "data: without an end",
].join("");

const EVENTS: SseEvent[] = [
  { type: "session", data: '{"session_id":"vs_1"}', lastEventId: "1" },
  { type: "delta", data: "שלום 🍕 café", lastEventId: "2" },
  { type: "delta", data: "no space\n two spaces\n", lastEventId: "3" },
  { type: "message", data: "plain", lastEventId: "4" },
  { type: "done", data: "{}", lastEventId: "4" },
];

describe("SseParser", () => {
  it("reads comments, all line ends, fields and multi-line data", () => {
    expect(parse(encoder.encode(STREAM))).toEqual(EVENTS);
  });

  it("gives the same events for the bytes cut in two at every offset", () => {
    const bytes = encoder.encode(STREAM);
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      expect(parse(bytes.subarray(0, cut), bytes.subarray(cut)), `cut at ${cut}`).toEqual(EVENTS);
    }
  });

  it.each([1, 2, 3, 7])("gives the same events in pieces of %i bytes", (size) => {
    const bytes = encoder.encode(STREAM);
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
    expect(parse(...chunks)).toEqual(EVENTS);
  });

  it("gives an event as soon as its empty line is there, not later", () => {
    const parser = new SseParser();
    expect(parser.push(encoder.encode("data: a\n"))).toEqual([]);
    expect(parser.push(encoder.encode("\n"))).toHaveLength(1);
  });

  it("ignores an id with a null character", () => {
    expect(parse(encoder.encode("id: 7\ndata: a\n\nid: 8\0\ndata: b\n\n")).map((event) => event.lastEventId)).toEqual(["7", "7"]);
  });
});
