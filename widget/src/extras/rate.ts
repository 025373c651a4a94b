/**
 * Owns rating one answer: the thumb shows at once, and goes back when the server does not have it.
 * Leaves the stars at the end to their panel.
 */
import type { Conversation } from "../conversation/conversation";
import { withThumb } from "../conversation/entries";
import type { Thumb } from "../conversation/state";

/** Say what the visitor thinks of an answer. */
export async function rateAnswer(conversation: Conversation, entryId: string, thumb: Thumb): Promise<void> {
  const { client, onSignal } = conversation.options;
  const entry = conversation.state.entries.find((one) => one.id === entryId);
  if (entry?.kind !== "assistant" || entry.messageId === "" || entry.thumb === thumb) return;
  const show = (shown: Thumb | null): void => conversation.set({ entries: withThumb(conversation.state.entries, entryId, shown) });
  show(thumb);
  try {
    await client.rate({ session_id: conversation.session, message_id: entry.messageId, rating: thumb });
    onSignal({ type: "rated", rating: thumb });
  } catch {
    show(entry.thumb);
  }
}
