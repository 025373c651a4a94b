/**
 * Owns the ids that make sending a message twice harmless, and the keys by which a first message finds the session it has opened.
 * Leaves keeping them with their message to the conversation.
 */

/** Make a random UUID (version 4), also on pages without a secure context, where `crypto.randomUUID` is missing. */
export function newMessageId(source: Crypto = crypto): string {
  if (typeof source.randomUUID === "function") return source.randomUUID();
  const bytes = source.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Make a secret that nobody guesses: two random UUIDs. */
export function newOpeningKey(): string {
  return `${newMessageId()}_${newMessageId()}`;
}
