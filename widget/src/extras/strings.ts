/**
 * Owns the sentences of the extras, English and Hebrew; the tenant's `texts` win over them here too.
 * Leaves choosing a language to the widget's locale.
 */
import type { Locale } from "../locale/index";

const en = {
  transcript: "Save the conversation",
  transcriptTitle: "Conversation",
  soundOn: "Sound on",
  end: "End the conversation",
  rateTitle: "How was this conversation?",
  star: "{count} of 5 stars",
  comment: "What could be better? (optional)",
  rateSend: "Send rating",
  rateThanks: "Thank you!",
  newConversation: "Start a new conversation",
  formSend: "Send",
  formSkip: "Skip",
  formCancel: "Write instead",
  preChatTitle: "Before we start",
  preChatStart: "Start the chat",
  name: "Name",
  email: "E-mail",
  phone: "Phone",
  optional: "(optional)",
  choose: "Choose…",
  required: "Please fill this in.",
  invalid: "Please check this.",
  notSent: "That did not arrive. Please try again.",
};

export type ExtraStrings = Readonly<Record<keyof typeof en, string>>;

const he: ExtraStrings = {
  transcript: "שמירת השיחה",
  transcriptTitle: "שיחה",
  soundOn: "צליל פועל",
  end: "סיום השיחה",
  rateTitle: "איך הייתה השיחה?",
  star: "{count} מתוך 5 כוכבים",
  comment: "מה אפשר לשפר? (לא חובה)",
  rateSend: "שליחת הדירוג",
  rateThanks: "תודה!",
  newConversation: "התחלת שיחה חדשה",
  formSend: "שליחה",
  formSkip: "דילוג",
  formCancel: "אכתוב בעצמי",
  preChatTitle: "לפני שמתחילים",
  preChatStart: "התחלת השיחה",
  name: "שם",
  email: "אימייל",
  phone: "טלפון",
  optional: "(לא חובה)",
  choose: "בחירה…",
  required: "נא למלא.",
  invalid: "נא לבדוק.",
  notSent: "זה לא הגיע. נסו שוב.",
};

/** Give the sentences for a locale. */
export function extraStrings({ language, extraTexts }: Locale): ExtraStrings {
  return { ...(/^(he|iw)\b/i.test(language) ? he : en), ...extraTexts };
}
