/**
 * Owns the line that says what a running tool does.
 * Leaves when to show it to the view.
 */
import { type Locale, fill } from "./index";

const READING_VERBS = /^(get|check|find|fetch|search|list|look ?up|lookup|track|read|query)\s+/;

/**
 * Give a friendly line for a tool by its name: `get_order_status` is being "checked", what writes is being "worked on".
 *
 * A tenant names a tool in its own words with the text `tool_<name>`.
 */
export function toolText(name: string, { strings, extraTexts }: Locale): string {
  const own = extraTexts[`tool_${name}`];
  if (own !== undefined) return own;
  const words = name
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .replace(/[_\-.\s]+/g, " ")
    .trim()
    .toLowerCase();
  const subject = words.replace(READING_VERBS, "");
  return subject === words || subject === "" ? strings.workingOn : fill(strings.checking, { subject });
}
