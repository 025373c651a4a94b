/**
 * Owns the open stream of a conversation that a person has, or soon may: reconnecting, and that one tab alone holds it.
 * Leaves what the events mean to the conversation.
 */
import type { ApiClient } from "../api/client";
import { parseJson } from "../api/json";
import { Problem } from "../api/problem";
import { recoveryFrom } from "../api/recovery";
import type { Locks } from "../conversation/locks";
import { readEvents } from "../stream/read-events";
import { type LiveEvent, readLiveEvent } from "./live-events";

export interface FollowerOptions {
  readonly client: Pick<ApiClient, "openEvents">;
  readonly sleep: (delayMs: number) => Promise<void>;
  readonly locks: Locks;
  readonly onEvent: (event: LiveEvent) => void;
}

const MAX_PAUSE_S = 30;

/** Follows one session at a time. */
export class Follower {
  private sessionId = "";
  private running: AbortController | null = null;

  constructor(private readonly options: FollowerOptions) {}

  /** Follow a session from now on; the one followed already goes on. */
  follow(sessionId: string): void {
    if (sessionId === this.sessionId || sessionId === "") return;
    this.stop();
    this.sessionId = sessionId;
    const { signal } = (this.running = new AbortController());
    // Browsers open six connections to a server: tabs that all follow would leave none for messages.
    void this.options
      .locks(`csai:follow:${sessionId}`, signal, () => this.run(sessionId, signal))
      .catch(() => undefined)
      .then(() => (signal.aborted ? undefined : this.stop()));
  }

  stop(): void {
    this.running?.abort();
    this.sessionId = "";
  }

  private async run(sessionId: string, signal: AbortSignal): Promise<void> {
    const { client, sleep, onEvent } = this.options;
    let lastEventId = "";
    for (let pauseS = 1; !signal.aborted; pauseS = Math.min(pauseS * 2, MAX_PAUSE_S)) {
      let hasState = false;
      try {
        const { body } = await client.openEvents(sessionId, lastEventId, signal);
        for await (const event of readEvents(body!)) {
          if (signal.aborted) return;
          lastEventId = event.lastEventId || lastEventId;
          const live = readLiveEvent(event.type, parseJson(event.data));
          hasState ||= live?.type === "state";
          if (live !== null) onEvent(live);
          pauseS = 1;
        }
        // A stream that ends without having said how things stand has nothing to follow.
        if (!hasState) return;
      } catch (error) {
        if (error instanceof Problem && recoveryFrom(error) === "edit") return;
      }
      await sleep(pauseS * 1000);
    }
  }
}
