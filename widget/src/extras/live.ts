/**
 * Owns what a person does in the conversation: joining, typing, writing, leaving; and answers that were given in another tab.
 * Leaves the stream to the follower and the entries to the conversation.
 */
import type { Conversation } from "../conversation/conversation";
import { withNotice } from "../conversation/entries";
import { Follower } from "./follower";
import type { LiveEvent } from "./live-events";

/** Follows a conversation from its session's first to its last moment. */
export class Live {
  private readonly follower: Follower;
  /** The session that nobody else takes part in. */
  private lonely = "";

  constructor(private readonly conversation: Conversation) {
    const { client, sleep, locks } = conversation.options;
    this.follower = new Follower({ client, sleep, locks, onEvent: (event) => this.take(event) });
  }

  /** Follow while there is somebody to follow: look once in each session, and again when a person was asked for. */
  update(): void {
    const { session, state, options } = this.conversation;
    if (state.isEnded || session === "" || options.store.sessionId === "") this.follower.stop();
    else if (options.store.isLive || session !== this.lonely) this.follower.follow(session);
  }

  /** Follow no longer. */
  stop(): void {
    this.follower.stop();
  }

  private take(event: LiveEvent): void {
    const { conversation } = this;
    const { entries, activity } = conversation.state;
    const isOurs = activity.kind === "idle" || activity.kind === "person";
    switch (event.type) {
      case "turn":
        if (!entries.some((entry) => entry.kind !== "notice" && entry.messageId === event.messageId)) conversation.resync();
        return;
      case "typing":
        if (isOurs) conversation.set({ activity: event.isTyping ? { kind: "person", name: event.name } : { kind: "idle" } });
        return;
      case "message": {
        const { message } = event;
        const { store, onSignal } = conversation.options;
        conversation.addPast([{ ...message, isVisitor: false, entryId: message.id }]);
        if (conversation.state.entries.length === entries.length) return;
        if (isOurs) conversation.set({ activity: { kind: "idle" } });
        store.tellOtherTabs();
        return onSignal({ type: "message", role: "agent", text: message.text, name: message.author });
      }
      case "state":
        return this.takeState(event);
    }
  }

  private takeState({ isEscalated, human, isEnded }: Extract<LiveEvent, { type: "state" }>): void {
    const { conversation } = this;
    const { entries, human: before } = conversation.state;
    if (human !== before) conversation.set({ entries: withNotice(entries, human === "" ? "left" : "joined", human || before), human });
    conversation.options.store.isLive = isEscalated || human !== "";
    if (isEnded) return conversation.close();
    if (isEscalated || human !== "") return;
    this.lonely = conversation.session;
    this.follower.stop();
  }
}
