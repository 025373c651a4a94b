/**
 * Owns which way a text runs, by its words, and which letters run from right to left.
 * Leaves keeping numbers and addresses in one piece to the isolation.
 */
import type { Direction } from "./index";

const RTL = "\\u0590-\\u08ff\\ufb1d-\\ufdff\\ufe70-\\ufefc";
const HAS_RTL = new RegExp(`[${RTL}]`);
const WORDS = new RegExp(`[${RTL}]+|[^\\s${RTL}]+`, "g");

/** So many words tell; later ones change nothing, so that a long text never turns around while it is written. */
const TELLING_WORDS = 12;

/** Say whether something in the text runs from right to left. */
export function hasRtl(text: string): boolean {
  return HAS_RTL.test(text);
}

/**
 * Give the direction of a block of text.
 *
 * Code, numbers and addresses do not count. A Latin word with a capital counts for little beside Hebrew, unless it begins the text: it is a
 * name. Where neither side is clearly more, the text runs as `base` does, which is that of the text before it. Of unfinished text the last
 * word does not count, and it takes more to turn it, so that it turns once at most.
 */
export function directionOf(text: string, base?: Direction, isUnfinished = false): Direction {
  let rtl = 0;
  let ltr = 0;
  let count = 0;
  const told = text.slice(0, 999).replace(/`[^`]*`?/g, " ");
  for (const [word] of (isUnfinished ? told.replace(/\S+$/, "") : told).matchAll(WORDS)) {
    if (hasRtl(word)) rtl += 1;
    else if (/\p{L}/u.test(word) && !/[\d@/]/.test(word)) ltr += count === 0 || word === word.toLowerCase() ? 1 : 0.25;
    else continue;
    if (++count === TELLING_WORDS) break;
  }
  if (rtl > ltr) return "rtl";
  if (isUnfinished ? rtl * 3 < ltr && ltr >= 4 : rtl * 2 < ltr) return "ltr";
  return base ?? (rtl > 0 ? "rtl" : "ltr");
}
