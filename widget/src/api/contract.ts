/**
 * Owns the shapes of what the server answers to a visitor, and reading them from untrusted JSON.
 * Leaves fetching to the client and showing to the view.
 */
import { asList, asObject, asText, asTexts } from "./json";

export interface Citation {
  readonly title: string;
  readonly url: string;
  readonly snippet: string;
}

/** What was said by the assistant, or by the person that `author` names. */
export interface Message {
  readonly id: string;
  readonly text: string;
  /** Milliseconds of the wall clock, 0 when the server does not say. */
  readonly at: number;
  readonly author: string;
  readonly citations: readonly Citation[];
}

/** The authoritative answer of one turn; without text nobody answered. */
export interface Reply extends Message {
  readonly sessionId: string;
  readonly quickReplies: readonly string[];
  /** What a tool asks for, as the server describes it; the form reads it. */
  readonly form: unknown;
  readonly isDegraded: boolean;
  readonly isEscalated: boolean;
  readonly isEnded: boolean;
}

export interface HistoryMessage extends Message {
  readonly isVisitor: boolean;
  /** The id that the visitor's page gave it, the server's for everything else. */
  readonly entryId: string;
}

export interface History {
  readonly messages: readonly HistoryMessage[];
  readonly isEnded: boolean;
}

/** What a visitor told of themselves before the conversation. */
export type VisitorDetails = Readonly<Partial<Record<"name" | "email" | "phone", string>>>;

/** A tool's form, filled in. */
export interface FilledForm {
  readonly tool: string;
  readonly values: Readonly<Record<string, string>>;
}

export interface MessageRequest {
  readonly message: string;
  readonly message_id: string;
  readonly session_id?: string | undefined;
  readonly opening_key?: string | undefined;
  readonly locale?: string | undefined;
  readonly page_url?: string;
  readonly identity_token?: string | undefined;
  readonly visitor?: VisitorDetails | undefined;
  readonly form?: FilledForm | undefined;
}

function readCitations(value: unknown): readonly Citation[] {
  return asList(value)
    .map(asObject)
    .map((item) => ({ title: asText(item["title"]), url: asText(item["url"]), snippet: asText(item["snippet"]) }))
    .filter((citation) => citation.title !== "" || citation.url !== "");
}

/** Read one message. */
export function readMessage(value: unknown): Message {
  const item = asObject(value);
  return {
    id: asText(item["id"]),
    text: asText(item["content"]),
    at: Date.parse(asText(item["created_at"])) || 0,
    author: asText(asObject(item["author"])["name"]),
    citations: readCitations(item["citations"]),
  };
}

/** Read a whole reply; `null` when the body is not one. Without a message, nobody answered: its text is empty. */
export function readReply(body: unknown): Reply | null {
  const root = asObject(body);
  const message = asObject(root["message"]);
  if (root["message"] !== null && typeof message["content"] !== "string") return null;
  return {
    ...readMessage(message),
    sessionId: asText(root["session_id"]),
    form: message["form"],
    quickReplies: asTexts(message["quick_replies"]),
    isDegraded: root["degraded"] === true,
    isEscalated: root["escalated"] === true,
    isEnded: root["conversation_ended"] === true,
  };
}

/** Read a conversation's past, oldest first; messages that are neither the visitor's nor an answer are left out. */
export function readHistory(body: unknown): History {
  const root = asObject(body);
  const messages = asList(root["messages"])
    .map(asObject)
    .filter((item) => item["role"] !== "system" && item["role"] !== "tool" && asText(item["content"]) !== "")
    .map((item, index) => {
      const message = readMessage(item);
      const isVisitor = item["role"] === "user" || item["role"] === "visitor";
      const id = message.id || `past:${index}`;
      return { ...message, id, isVisitor, entryId: asText(item["message_id"]) || id };
    });
  return { messages, isEnded: root["conversation_ended"] === true };
}
