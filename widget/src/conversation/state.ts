/**
 * Owns the shape of a conversation as it is shown: immutable values, so that an unchanged entry is the same object.
 * Leaves changing it to the conversation and drawing it to the view.
 */
import type { Citation } from "../api/contract";
import type { Problem } from "../api/problem";

export type Delivery = "queued" | "sending" | "sent" | "failed";

export interface VisitorEntry {
  readonly kind: "visitor";
  readonly id: string;
  readonly text: string;
  readonly delivery: Delivery;
}

export interface AssistantEntry {
  readonly kind: "assistant";
  /** Stays the same from the first streamed word to the finished answer. */
  readonly id: string;
  /** The server's id, `""` until it is known. */
  readonly messageId: string;
  readonly text: string;
  readonly isStreaming: boolean;
  readonly citations: readonly Citation[];
}

export type NoticeTopic = "ended" | "escalated" | "degraded";

export interface NoticeEntry {
  readonly kind: "notice";
  readonly id: string;
  readonly topic: NoticeTopic;
}

export type Entry = VisitorEntry | AssistantEntry | NoticeEntry;

/** What the visitor waits for; `tool` names the tool that runs. */
export type Activity = { readonly kind: "idle" | "waiting" | "streaming" } | { readonly kind: "tool"; readonly name: string };

export type Connection = "online" | "connecting" | "offline";

/** What failed last and what a retry would do again; `canRetryAt` is in milliseconds of the wall clock. */
export interface Failure {
  readonly of: "send" | "history";
  readonly problem: Problem;
  readonly canRetryAt: number | null;
}

export interface ConversationState {
  readonly entries: readonly Entry[];
  readonly activity: Activity;
  readonly connection: Connection;
  readonly failure: Failure | null;
  readonly quickReplies: readonly string[];
}

export const EMPTY_STATE: ConversationState = {
  entries: [],
  activity: { kind: "idle" },
  connection: "online",
  failure: null,
  quickReplies: [],
};
