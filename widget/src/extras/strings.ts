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
  retry: "Try again",
  retrying: "Trying again…",
  retryingIn: "Trying again in {seconds} s",
  errorNetwork: "We could not reach the server. Your message is kept.",
  errorServer: "Something went wrong on our side. Your message is kept.",
  errorUnknownKey: "This chat is not set up correctly yet. Please contact us another way.",
  errorOrigin: "This chat is not available on this website.",
  errorLimit: "The chat is not available at the moment. Please contact us another way.",
  errorBusy: "The previous message is still being answered. Yours is kept.",
  errorTooLong: "This message is too long. Please shorten it.",
  errorInvalid: "This message could not be accepted. Please change it and send it again.",
  errorRate: "Too many messages at once. Please wait {seconds} seconds.",
  errorHistory: "Earlier messages could not be loaded.",
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
  retry: "ניסיון נוסף",
  retrying: "מנסים שוב…",
  retryingIn: "מנסים שוב בעוד {seconds} שנ׳",
  errorNetwork: "לא הצלחנו להגיע לשרת. ההודעה שלכם נשמרה.",
  errorServer: "משהו השתבש אצלנו. ההודעה שלכם נשמרה.",
  errorUnknownKey: "הצ׳אט עדיין לא הוגדר כראוי. אפשר לפנות אלינו בדרך אחרת.",
  errorOrigin: "הצ׳אט אינו זמין באתר הזה.",
  errorLimit: "הצ׳אט אינו זמין כרגע. אפשר לפנות אלינו בדרך אחרת.",
  errorBusy: "ההודעה הקודמת עדיין בטיפול. ההודעה שלכם נשמרה.",
  errorTooLong: "ההודעה ארוכה מדי. קצרו אותה בבקשה.",
  errorInvalid: "לא ניתן לקבל את ההודעה. שנו אותה ושלחו שוב.",
  errorRate: "נשלחו הרבה הודעות בבת אחת. המתינו {seconds} שניות.",
  errorHistory: "לא הצלחנו לטעון את ההודעות הקודמות.",
};

/** Give the sentences for a locale. */
export function extraStrings({ language, extraTexts }: Locale): ExtraStrings {
  return { ...(/^(he|iw)\b/i.test(language) ? he : en), ...extraTexts };
}
