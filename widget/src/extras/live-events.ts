/**
 * Owns the events of a conversation's open stream, and reading them from untrusted JSON.
 * Leaves the stream to the follower.
 */
import { type Message, readMessage } from "../api/contract";
import { asObject, asText } from "../api/json";

/** What `GET /chat/events` tells to who follows a conversation; `turn` is an answer that was finished, here or elsewhere. */
export type LiveEvent =
  | { readonly type: "turn"; readonly messageId: string }
  | { readonly type: "message"; readonly message: Message }
  | { readonly type: "typing"; readonly name: string; readonly isTyping: boolean }
  | { readonly type: "state"; readonly isEscalated: boolean; readonly human: string; readonly isEnded: boolean };

/** Read what someone else or the conversation's state brings; `null` for the rest. */
export function readLiveEvent(type: string, body: unknown): LiveEvent | null {
  const root = asObject(body);
  const message = readMessage(root["message"]);
  switch (type) {
    case "message":
      return { type: "turn", messageId: message.id };
    case "agent_message":
      return { type: "message", message };
    case "agent_typing":
      return { type: "typing", name: asText(root["name"]), isTyping: root["typing"] === true };
    case "state": {
      const human = asText(asObject(root["human"])["name"]);
      return { type, isEscalated: root["escalated"] === true, human, isEnded: root["conversation_ended"] === true };
    }
    default:
      return null;
  }
}
