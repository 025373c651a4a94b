/**
 * Owns the Hebrew sentences.
 * Leaves choosing a language to the index.
 */
import type { Strings } from "./en";

export const he: Strings = {
  greeting: "שלום! איך אפשר לעזור?",
  title: "דברו איתנו",
  open: "פתיחת הצ׳אט",
  close: "סגירת הצ׳אט",
  restart: "התחלת שיחה חדשה",
  send: "שליחת ההודעה",
  placeholder: "כתבו הודעה…",
  log: "השיחה",
  you: "אתם",
  assistant: "העוזר",
  typing: "העוזר מקליד",
  online: "מחובר",
  connecting: "מתחבר…",
  offline: "אין חיבור",
  disclosure: "אתם משוחחים עם עוזר אוטומטי",
  quickReplies: "תשובות מוצעות",
  queued: "ממתינה לשליחה",
  failed: "לא נשלחה",
  unread: "הודעות חדשות: {count}",
  stop: "עצירת התשובה",
  menu: "עוד",
};
