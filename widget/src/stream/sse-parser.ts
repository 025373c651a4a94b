/**
 * Owns the text/event-stream grammar: bytes in, in pieces of any size, events out.
 * Leaves reading the bytes, reconnecting and the meaning of events to others; it knows neither fetch nor the page.
 *
 * Source: WHATWG HTML, "Server-sent events", the section on interpreting an event stream.
 */

export interface SseEvent {
  readonly type: string;
  readonly data: string;
  /** The newest id the stream has named so far, `""` before the first. */
  readonly lastEventId: string;
}

/** Parses one stream; make a new one for each connection. */
export class SseParser {
  private readonly decoder = new TextDecoder();
  private line = "";
  private endedWithCr = false;
  private type = "";
  private data: string[] = [];
  private lastEventId = "";

  /** Take the next bytes and give the events they complete, in order. */
  push(bytes: Uint8Array): SseEvent[] {
    let text = this.decoder.decode(bytes, { stream: true });
    const events: SseEvent[] = [];
    if (text === "") return events;
    // A line end split between CR and LF must not count twice.
    if (this.endedWithCr && text.startsWith("\n")) text = text.slice(1);
    this.endedWithCr = text === "" ? false : text.endsWith("\r");
    const lines = text.split(/\r\n|\r|\n/);
    const rest = lines.pop() ?? "";
    for (const piece of lines) {
      const event = this.takeLine(this.line + piece);
      this.line = "";
      if (event !== null) events.push(event);
    }
    this.line += rest;
    return events;
  }

  private takeLine(line: string): SseEvent | null {
    if (line === "") return this.dispatch();
    const colon = line.indexOf(":");
    if (colon === 0) return null;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "data") this.data.push(value);
    else if (field === "event") this.type = value;
    else if (field === "id" && !value.includes("\0")) this.lastEventId = value;
    return null;
  }

  private dispatch(): SseEvent | null {
    const event =
      this.data.length === 0
        ? null
        : { type: this.type || "message", data: this.data.join("\n"), lastEventId: this.lastEventId };
    this.type = "";
    this.data = [];
    return event;
  }
}
