/**
 * Owns the changes a list of entries can go through, each giving a new list.
 * Leaves when to make them to the conversation.
 */
import type { HistoryMessage, Message, Reply } from "../api/contract";
import type { PendingMessage } from "./session-store";
import type { AssistantEntry, Delivery, Entry, NoticeTopic, VisitorEntry } from "./state";

type Entries = readonly Entry[];

export const GREETING_ID = "greeting";

/** Give the id of the entry that shows the answer to a message. */
export function answerIdFor(message: PendingMessage): string {
  return `answer:${message.id}`;
}

/** Build a finished assistant entry from plain text. */
export function assistantEntry(id: string, text: string): AssistantEntry {
  return { kind: "assistant", id, messageId: "", text, at: 0, author: "", isStreaming: false, citations: [] };
}

/** Build the entry of a visitor's message that has not arrived yet. */
export function visitorEntry({ id, text, at }: PendingMessage): VisitorEntry {
  return { kind: "visitor", id, messageId: "", text, at, delivery: "queued" };
}

/** Put an entry in the place of the one with its id, or after all but what waits. */
export function upsert(entries: Entries, entry: Entry): Entries {
  const isKnown = entries.some((one) => one.id === entry.id);
  if (isKnown) return entries.map((one) => (one.id === entry.id ? entry : one));
  const all = [...entries];
  all.splice(endOf(all), 0, entry);
  return all;
}

function isQueued(entry: Entry): boolean {
  return entry.kind === "visitor" && entry.delivery === "queued";
}

function endOf(entries: Entries): number {
  const at = entries.findIndex(isQueued);
  return at < 0 ? entries.length : at;
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

/**
 * Add what the server knows of the conversation and this page does not show yet, in the server's order.
 *
 * What waits in the outbox comes last, unless the server has it already.
 */
export function withPast(entries: Entries, messages: readonly HistoryMessage[], outbox: readonly PendingMessage[]): Entries {
  const waiting = outbox.map((message) => entries.find(({ id }) => id === message.id) ?? visitorEntry(message)).filter((entry) => "messageId" in entry && entry.messageId === "");
  // Of an answer that was given up, the server knows how it went on.
  const isGivenUp = (entry: Entry): boolean => messages.length > 0 && entry.kind === "assistant" && /^answer:/.test(entry.id) && entry.messageId === "" && !entry.isStreaming;
  const all = [...entries.filter((entry) => !waiting.includes(entry) && !isGivenUp(entry)), ...waiting];
  let next = -1;
  for (const message of messages) {
    const at = all.findIndex((one) => one.id === message.entryId || (one.kind !== "notice" && one.messageId === message.id));
    const known = all[at] as VisitorEntry | AssistantEntry | undefined;
    const entry = known === undefined ? entryFrom(message) : known.messageId === message.id ? known : { ...known, messageId: message.id };
    if (known === undefined) {
      if (next < 0) next = all.length - waiting.length;
      while (all[next]?.kind === "notice") next += 1;
    } else {
      all.splice(at, 1);
      next = at < next ? next - 1 : at;
    }
    all.splice(next, 0, entry);
    next += 1;
  }
  return all;
}

function entryFrom(message: Message | HistoryMessage): Entry {
  const { id, text, at, author, citations } = message;
  return "entryId" in message && message.isVisitor
    ? { ...visitorEntry({ id: message.entryId, text, at, openingKey: "" }), messageId: id, delivery: "sent" }
    : { ...assistantEntry(id, text), messageId: id, at, author, citations };
}
