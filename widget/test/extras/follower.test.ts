// @vitest-environment node
/** Tests how a conversation's open stream is held: by one tab, again after each break, no longer than there is something to follow. */
import { describe, expect, it, vi } from "vitest";
import { Problem, networkProblem } from "../../src/api/problem";
import { Follower } from "../../src/extras/follower";
import type { LiveEvent } from "../../src/extras/live-events";
import { holdStreams } from "./held-streams";

const STATE = { escalated: true, human: null, conversation_ended: false };

function start(refuse?: (attempt: number) => Error | null) {
  const { openEvents, opened } = holdStreams(refuse);
  const pauses: number[] = [];
  const events: LiveEvent[] = [];
  const held: string[] = [];
  const follower = new Follower({
    client: { openEvents },
    sleep: async (delayMs) => void pauses.push(delayMs),
    locks: (name, _signal, work) => {
      held.push(name);
      return work();
    },
    onEvent: (event) => events.push(event),
  });
  return { follower, opened, pauses, events, held };
}

describe("Follower", () => {
  it("goes on after the last event when the line breaks, and tells each once", async () => {
    const { follower, opened, events, pauses } = start();
    follower.follow("vs_1");
    await expect.poll(() => opened.length).toBe(1);
    opened[0]?.send("state", STATE, 7);
    opened[0]?.send("agent_typing", { name: "Dana", typing: true }, 8);
    opened[0]?.send("delta", { text: "someone else's answer" }, 9);
    await expect.poll(() => events.length).toBe(2);
    opened[0]?.end();
    await expect.poll(() => opened.length).toBe(2);
    expect(opened.map(({ sessionId, lastEventId }) => [sessionId, lastEventId])).toEqual([
      ["vs_1", ""],
      ["vs_1", "9"],
    ]);
    expect(events).toEqual([
      { type: "state", isEscalated: true, human: "", isEnded: false },
      { type: "typing", name: "Dana", isTyping: true },
    ]);
    expect(pauses).toEqual([1000]);
    follower.stop();
  });

  it("waits longer each time that nothing comes, and not so long once something came", async () => {
    const { follower, opened, pauses } = start((attempt) => (attempt < 7 ? networkProblem() : null));
    follower.follow("vs_1");
    await expect.poll(() => opened.length).toBe(1);
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    opened[0]?.send("state", STATE);
    opened[0]?.end();
    await expect.poll(() => opened.length).toBe(2);
    expect(pauses.at(-1)).toBe(1000);
    follower.stop();
  });

  it.each([401, 403, 404])("takes a refusal with status %i as the end, until it is asked again", async (status) => {
    const { follower, opened, pauses, held } = start((attempt) => (attempt === 0 ? new Problem(status, "refused") : null));
    follower.follow("vs_1");
    await new Promise((resolve) => setImmediate(resolve));
    expect([opened.length, pauses]).toEqual([0, []]);
    follower.follow("vs_1");
    await expect.poll(() => opened.length).toBe(1);
    expect(held).toEqual(["csai:follow:vs_1", "csai:follow:vs_1"]);
    follower.stop();
  });

  it("does not come back to a stream that ended without saying how things stand", async () => {
    const { follower, opened, pauses } = start();
    follower.follow("vs_1");
    await expect.poll(() => opened.length).toBe(1);
    opened[0]?.end();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([opened.length, pauses]).toEqual([1, []]);
  });

  it("follows one session, once", async () => {
    const { follower, opened } = start();
    follower.follow("vs_1");
    follower.follow("vs_1");
    follower.follow("");
    await expect.poll(() => opened.length).toBe(1);
    follower.follow("vs_2");
    await expect.poll(() => opened.length).toBe(2);
    expect(opened.map(({ sessionId, signal }) => [sessionId, signal.aborted])).toEqual([
      ["vs_1", true],
      ["vs_2", false],
    ]);
    follower.stop();
  });

  it("tells nothing and opens nothing once it was stopped", async () => {
    const { follower, opened, events } = start();
    follower.follow("vs_1");
    await expect.poll(() => opened.length).toBe(1);
    opened[0]?.send("state", STATE);
    follower.stop();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([opened.length, opened[0]?.signal.aborted, events]).toEqual([1, true, []]);
  });

  it("leaves the stream to the tab that has it", async () => {
    const { openEvents, opened } = holdStreams();
    const locks = vi.fn(() => new Promise<never>(() => undefined));
    const follower = new Follower({ client: { openEvents }, sleep: async () => undefined, locks, onEvent: () => undefined });
    follower.follow("vs_1");
    await new Promise((resolve) => setImmediate(resolve));
    expect([opened.length, locks.mock.calls.length]).toEqual([0, 1]);
    follower.stop();
  });
});
