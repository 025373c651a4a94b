/**
 * Owns the English sentences, which also name the keys every other language has.
 * Leaves choosing a language to the index.
 */
export const en = {
  greeting: "Hi there! How can I help you today?",
  title: "Chat with us",
  open: "Open chat",
  close: "Close chat",
  restart: "Start a new conversation",
  send: "Send message",
  placeholder: "Write a message…",
  log: "Conversation",
  you: "You",
  assistant: "Assistant",
  typing: "Assistant is typing",
  online: "Online",
  connecting: "Connecting…",
  offline: "No connection",
  disclosure: "You are chatting with an automated assistant",
  quickReplies: "Suggested replies",
  queued: "Waiting to be sent",
  failed: "Not sent",
  unread: "New messages: {count}",
  stop: "Stop the answer",
  menu: "More",
};

export type Strings = Readonly<Record<keyof typeof en, string>>;
