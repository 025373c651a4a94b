/**
 * Owns the changes a list of entries can go through, each giving a new list.
 * Leaves when to make them to the conversation.
 */
import type { History, Reply } from "../api/contract";
import type { PendingMessage } from "./session-store";
import type { AssistantEntry, Delivery, Entry, NoticeTopic } from "./state";

type Entries = readonly Entry[];

export const GREETING_ID = "greeting";

/** Give the id of the entry that shows the answer to a message. */
export function answerIdFor(message: PendingMessage): string {
  return `answer:${message.id}`;
}

/** Build a finished assistant entry from plain text. */
export function assistantEntry(id: string, text: string): AssistantEntry {
  return { kind: "assistant", id, messageId: "", text, isStreaming: false, citations: [] };
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

/** Note how far a visitor's message got. */
export function withDelivery(entries: Entries, id: string, delivery: Delivery): Entries {
  return entries.map((entry) => (entry.kind === "visitor" && entry.id === id ? { ...entry, delivery } : entry));
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
  return upsert(rest, { ...assistantEntry(id, reply.text), messageId: reply.id, citations: reply.citations });
}

/** Add a notice under what was said so far. */
export function withNotice(entries: Entries, topic: NoticeTopic): Entries {
  return [...entries, { kind: "notice", id: `notice:${topic}:${entries.length}`, topic }];
}

/** Build entries from a conversation's past. */
export function entriesFrom(history: History): Entries {
  return history.messages.map((message, index) => {
    const id = message.id || `history:${index}`;
    return message.isVisitor
      ? { kind: "visitor", id, text: message.text, delivery: "sent" }
      : { ...assistantEntry(id, message.text), messageId: message.id, citations: message.citations };
  });
}

/**
 * Show a message that was unanswered when the page was left.
 *
 * When the past ends with it, the server has it already and its entry takes the message's id instead of a second one.
 */
export function withPending(entries: Entries, message: PendingMessage): Entries {
  const entry: Entry = { kind: "visitor", id: message.id, text: message.text, delivery: "queued" };
  const last = entries.filter((one) => one.kind === "visitor").pop();
  if (last === undefined || last.text !== message.text) return [...entries, entry];
  return entries.map((one) => (one === last ? entry : one));
}
