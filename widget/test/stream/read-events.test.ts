/** Tests reading a body: its end, its failure, its silence, and letting go of it. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { readEvents } from "../../src/stream/read-events";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function collect(body: ReadableStream<Uint8Array>, limitMs?: number): Promise<string[]> {
  const seen: string[] = [];
  for await (const event of readEvents(body, limitMs)) seen.push(event.data);
  return seen;
}

describe("readEvents", () => {
  afterEach(() => void vi.useRealTimers());

  it("yields until the body ends", async () => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(bytes("data: a\n\ndata: "));
        controller.enqueue(bytes("b\n\n"));
        controller.close();
      },
    });
    expect(await collect(body)).toEqual(["a", "b"]);
  });

  it("passes on a broken connection", async () => {
    const body = new ReadableStream<Uint8Array>({ start: (controller) => controller.error(new TypeError("reset")) });
    await expect(collect(body)).rejects.toThrow("reset");
  });

  it("gives up on a body that stays silent, and cancels it", async () => {
    vi.useFakeTimers();
    const cancel = vi.fn();
    const result = expect(collect(new ReadableStream<Uint8Array>({ cancel }), 1000)).rejects.toThrow("idle");
    await vi.advanceTimersByTimeAsync(1001);
    await result;
    expect(cancel).toHaveBeenCalledOnce();
  });

  it("cancels the download when its reader leaves", async () => {
    const cancel = vi.fn();
    const body = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(bytes("data: a\n\ndata: b\n\n")), cancel });
    for await (const event of readEvents(body)) if (event.data === "a") break;
    expect(cancel).toHaveBeenCalledOnce();
  });
});
