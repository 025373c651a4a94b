/**
 * Owns the ids that make sending a message twice harmless, and the keys by which a first message finds the session it has opened.
 * Leaves keeping them with their message to the conversation.
 */

/** Make an id that nobody else makes, also on pages without a secure context, where `crypto.randomUUID` is missing. */
export function newMessageId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Make a secret that nobody guesses: two random ids. */
export function newOpeningKey(): string {
  return `${newMessageId()}_${newMessageId()}`;
}
