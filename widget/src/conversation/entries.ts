/**
 * Owns the changes a list of entries can go through, each giving a new list.
 * Leaves when to make them to the conversation.
 */
import type { HistoryMessage, Message, Reply } from "../api/contract";
import type { PendingMessage } from "./session-store";
import type { AssistantEntry, Delivery, Entry, NoticeTopic, Thumb, VisitorEntry } from "./state";

type Entries = readonly Entry[];

export const GREETING_ID = "greeting";

/** Give the id of the entry that shows the answer to a message. */
export function answerIdFor(message: PendingMessage): string {
  return `answer:${message.id}`;
}

/** Build a finished assistant entry from plain text. */
export function assistantEntry(id: string, text: string): AssistantEntry {
  return { kind: "assistant", id, messageId: "", text, at: 0, author: "", isStreaming: false, citations: [], thumb: null };
}

/** Build the entry of a visitor's message that has not arrived yet. */
export function visitorEntry({ id, text, at }: PendingMessage): VisitorEntry {
  return { kind: "visitor", id, messageId: "", text, at, delivery: "queued" };
}

/** Put an entry in the place of the one with its id, or at the end. */
export function upsert(entries: Entries, entry: Entry): Entries {
  const isKnown = entries.some((one) => one.id === entry.id);
  return isKnown ? entries.map((one) => (one.id === entry.id ? entry : one)) : [...entries, entry];
}

/** Leave out the entry with an id. */
export function without(entries: Entries, id: string): Entries {
  return entries.filter((entry) => entry.id !== id);
}

/** Note how far a visitor's message got, and by which id the server knows it. */
export function withDelivery(entries: Entries, id: string, delivery: Delivery, messageId = ""): Entries {
  return entries.map((entry) =>
    entry.kind === "visitor" && entry.id === id ? { ...entry, delivery, messageId: messageId || entry.messageId } : entry,
  );
}

/** Note what the visitor thinks of an answer. */
export function withThumb(entries: Entries, id: string, thumb: Thumb | null): Entries {
  return entries.map((entry) => (entry.kind === "assistant" && entry.id === id ? { ...entry, thumb } : entry));
}

/** Add streamed text to an answer that is being written. */
export function withDelta(entries: Entries, answerId: string, text: string): Entries {
  const current = entries.find((entry) => entry.id === answerId);
  const before = current?.kind === "assistant" && current.isStreaming ? current.text : "";
  return upsert(entries, { ...assistantEntry(answerId, before + text), isStreaming: true });
}

/** Take what was streamed of an answer as all there is for now. */
export function withStreamStopped(entries: Entries, answerId: string): Entries {
  return entries.map((entry) =>
    entry.kind === "assistant" && entry.id === answerId ? { ...entry, isStreaming: false } : entry,
  );
}

/** Put the authoritative answer in place of what was streamed; an answer that is already shown is not shown twice. */
export function withReply(entries: Entries, answerId: string, reply: Reply): Entries {
  const shown = entries.find((entry) => entry.kind === "assistant" && reply.id !== "" && entry.messageId === reply.id);
  const id = shown?.id ?? answerId;
  const rest = id === answerId ? entries : without(entries, answerId);
  if (reply.text === "") return without(rest, id); // a person has the conversation: nobody answered
  return upsert(rest, { ...entryFrom(reply), id });
}

/** Add a notice under what was said so far. */
export function withNotice(entries: Entries, topic: NoticeTopic, name = ""): Entries {
  return [...entries, { kind: "notice", id: `notice:${topic}:${entries.length}`, topic, name }];
}

/** Add what the server knows of the conversation and this page does not show yet; what it shows stays as it is. */
export function withPast(entries: Entries, messages: readonly HistoryMessage[]): Entries {
  const all = [...entries];
  for (const message of messages) {
    const { id, text, isVisitor } = message;
    if (all.some((entry) => entry.kind !== "notice" && entry.messageId === id)) continue;
    // An answer without a stream does not say by which id the server knows the visitor's message.
    const at = isVisitor ? all.findIndex((entry) => entry.kind === "visitor" && !entry.messageId && entry.text === text) : -1;
    if (at < 0) all.push(entryFrom(message));
    else all[at] = { ...(all[at] as VisitorEntry), messageId: id };
  }
  return all;
}

function entryFrom(message: Message | HistoryMessage): Entry {
  const { id, text, at, author, citations } = message;
  return "isVisitor" in message && message.isVisitor
    ? { ...visitorEntry({ id, text, at, openingKey: "" }), messageId: id, delivery: "sent" }
    : { ...assistantEntry(id, text), messageId: id, at, author, citations };
}

/**
 * Show a message that was unanswered when the page was left.
 *
 * When the past ends with it, the server has it already and its entry takes the message's id instead of a second one.
 */
export function withPending(entries: Entries, message: PendingMessage): Entries {
  const entry = visitorEntry(message);
  const last = entries.filter((one): one is VisitorEntry => one.kind === "visitor").pop();
  if (last === undefined || last.text !== message.text) return [...entries, entry];
  return entries.map((one) => (one === last ? { ...entry, messageId: last.messageId } : one));
}
