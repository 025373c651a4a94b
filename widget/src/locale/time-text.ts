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
export function dayText(at: number, { language, strings }: Locale): string {
  const day = new Date();
  const isThatDay = (): boolean => day.toDateString() === new Date(at).toDateString();
  if (isThatDay()) return strings.today;
  day.setDate(day.getDate() - 1);
  return isThatDay() ? strings.yesterday : new Intl.DateTimeFormat(language, { dateStyle: "long" }).format(at);
}
