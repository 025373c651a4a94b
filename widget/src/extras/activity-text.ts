/**
 * Owns the line that says what is being done: that a person is typing, or what a running tool does.
 * Leaves when to show it to the message list.
 */
import type { Activity } from "../conversation/state";
import { type Locale, fill } from "../locale/index";
import { extraStrings } from "./strings";

const READING_VERBS = /^(get|check|find|fetch|search|list|look ?up|lookup|track|read|query)\s+/;

/** Tell of an activity that has a name; `""` of all others. */
export function activityText(activity: Activity, locale: Locale): string {
  if (!("name" in activity)) return "";
  const { kind, name } = activity;
  return kind === "tool" ? toolText(name, locale) : fill(extraStrings(locale).personTyping, { name });
}

/**
 * Give a friendly line for a tool by its name: `get_order_status` is being "checked", what writes is being "worked on".
 *
 * A tenant names a tool in its own words with the text `tool_<name>`.
 */
function toolText(name: string, locale: Locale): string {
  const own = locale.extraTexts[`tool_${name}`];
  if (own !== undefined) return own;
  const words = name
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .replace(/[_\-.\s]+/g, " ")
    .trim()
    .toLowerCase();
  const subject = words.replace(READING_VERBS, "");
  const { workingOn, checking } = extraStrings(locale);
  return subject === words || subject === "" ? workingOn : fill(checking, { subject });
}
