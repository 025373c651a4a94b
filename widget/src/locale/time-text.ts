/**
 * Owns telling when something was said: the time, and the day as people call it.
 * Leaves where that stands to the view.
 */
import type { Locale } from "./index";

/** Give the time of day. */
export function timeText(at: number, { language }: Locale): string {
  return new Intl.DateTimeFormat(language, { timeStyle: "short" }).format(at);
}

/** Give the day: today, yesterday, or its date. */
export function dayText(at: number, { language }: Locale): string {
  for (const daysAgo of [0, 1]) {
    const day = new Date();
    day.setDate(day.getDate() - daysAgo);
    if (day.toDateString() === new Date(at).toDateString()) return new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(-daysAgo, "day");
  }
  return new Intl.DateTimeFormat(language, { dateStyle: "long" }).format(at);
}
