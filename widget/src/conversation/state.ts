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
  /** The server's id, `""` until it is known. */
  readonly messageId: string;
  readonly text: string;
  /** When it was said, in milliseconds of the wall clock; 0 when nobody knows. */
  readonly at: number;
  readonly delivery: Delivery;
}

export type Thumb = "up" | "down";

/** What the assistant said, or a person: `author` is the person's name, `""` for the assistant. */
export interface AssistantEntry {
  readonly kind: "assistant";
  /** Stays the same from the first streamed word to the finished answer. */
  readonly id: string;
  /** The server's id, `""` until it is known. */
  readonly messageId: string;
  readonly text: string;
  readonly at: number;
  readonly author: string;
  readonly isStreaming: boolean;
  readonly citations: readonly Citation[];
}

export type NoticeTopic = "ended" | "escalated" | "degraded" | "joined" | "left";

export interface NoticeEntry {
  readonly kind: "notice";
  readonly id: string;
  readonly topic: NoticeTopic;
  /** The person it tells of, if any. */
  readonly name: string;
}

export type Entry = VisitorEntry | AssistantEntry | NoticeEntry;

/** What the visitor waits for; `name` is that of the tool that runs, or of the person who types. */
export type Activity =
  | { readonly kind: "idle" | "waiting" | "streaming" }
  | { readonly kind: "tool" | "person"; readonly name: string };

export type Connection = "online" | "connecting" | "offline";

/** What failed last and what a retry would do again; times are in milliseconds of the wall clock. */
export interface Failure {
  readonly of: "send" | "history";
  readonly problem: Problem;
  /** Before then a retry makes no sense. */
  readonly canRetryAt: number;
  /** When it is tried again by itself, in the past while it is; `null` when that is left to the visitor. */
  readonly retriesAt: number | null;
}

export interface ConversationState {
  readonly entries: readonly Entry[];
  readonly activity: Activity;
  readonly connection: Connection;
  readonly failure: Failure | null;
  readonly quickReplies: readonly string[];
  /** What a tool asks for, `null` when it asks for nothing. */
  readonly form: unknown;
  /** The name of the person who has the conversation, `""` when it is the assistant. */
  readonly human: string;
  readonly isEnded: boolean;
}

export const EMPTY_STATE: ConversationState = {
  entries: [],
  activity: { kind: "idle" },
  connection: "online",
  failure: null,
  quickReplies: [],
  form: null,
  human: "",
  isEnded: false,
};
