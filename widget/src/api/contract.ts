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

/** The authoritative answer of one turn. */
export interface Reply {
  readonly sessionId: string;
  readonly id: string;
  readonly text: string;
  readonly citations: readonly Citation[];
  readonly quickReplies: readonly string[];
  readonly isDegraded: boolean;
  readonly isEscalated: boolean;
  readonly isEnded: boolean;
}

export interface HistoryMessage {
  readonly id: string;
  readonly isVisitor: boolean;
  readonly text: string;
  readonly citations: readonly Citation[];
}

export interface History {
  readonly messages: readonly HistoryMessage[];
  readonly isEnded: boolean;
}

export interface MessageRequest {
  readonly message: string;
  readonly message_id: string;
  readonly session_id?: string;
  readonly opening_key?: string;
  readonly locale?: string;
  readonly page_url?: string;
  readonly identity_token?: string;
}

function readCitations(value: unknown): readonly Citation[] {
  return asList(value)
    .map(asObject)
    .map((item) => ({ title: asText(item["title"]), url: asText(item["url"]), snippet: asText(item["snippet"]) }))
    .filter((citation) => citation.title !== "" || citation.url !== "");
}

/** Read a whole reply; `null` when the body is not one. Without a message, nobody answered: its text is empty. */
export function readReply(body: unknown): Reply | null {
  const root = asObject(body);
  const message = asObject(root["message"]);
  if (root["message"] !== null && typeof message["content"] !== "string") return null;
  return {
    sessionId: asText(root["session_id"]),
    id: asText(message["id"]),
    text: asText(message["content"]),
    citations: readCitations(message["citations"]),
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
    .map((item) => ({
      id: asText(item["id"]),
      isVisitor: item["role"] === "user" || item["role"] === "visitor",
      text: asText(item["content"]),
      citations: readCitations(item["citations"]),
    }));
  return { messages, isEnded: root["conversation_ended"] === true };
}
