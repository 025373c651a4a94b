/**
 * Owns keeping order numbers, phone numbers, prices, times and addresses in one piece inside text that runs the other way.
 * Leaves the direction of the text itself to the locale.
 */
import { hasRtl } from "../locale/direction";

const SIGN = "[#%+\u00b0\u20aa$\u20ac\u00a3]";
const TAIL = `[a-z\\d]*(?:[&'+-/:_\u2013\u00d7]+[a-z\\d]+)*${SIGN}*`;
const NUMBER = `(?:\\(\\d+\\) ?)?\\d+(?:[ -]\\d+| \\(\\d+\\))*${TAIL}`;
const WORD = `[a-z]${TAIL}(?: ${NUMBER})?`;

/**
 * The longest piece that reads from left to right: a web address (first group) without the punctuation after it, an e-mail address (second),
 * a number with its groups and signs, Latin words with the numbers among them.
 */
export const PIECE =
  `(https?://(?:\\([^\\s()<>"']*\\)|[^\\s<>"'()\\].,;:!?*_~]|[.,;:!?*_~]+(?=[^\\s<>"')\\].,;:!?*_~]))+)|` +
  `([a-z\\d][\\w.+-]*@[a-z\\d-]+(?:\\.[a-z\\d-]+)+)|${SIGN}?(?:${NUMBER}|${WORD})(?: (?!\\S*(?:@|://))${WORD})*`;

const PIECES = new RegExp(PIECE, "gi");

/** Say whether a piece may fall apart: one that begins and ends with a letter holds together by itself, and so does a number alone. */
export function fallsApart(piece: string): boolean {
  return !/^(\d+|[a-z](.*[a-z\d])?)$/i.test(piece);
}

/** Say whether pieces may fall apart at all in such a text of a parent. */
export function isMixed(parent: HTMLElement, text: string): boolean {
  return parent.dir === "rtl" || hasRtl(text);
}

/** Add plain text to a parent, with its pieces isolated. */
export function appendPlain(parent: HTMLElement, text: string): void {
  let at = 0;
  for (const { 0: piece, index } of isMixed(parent, text) ? text.matchAll(PIECES) : []) {
    if (fallsApart(piece)) {
      parent.append(text.slice(at, index));
      appendPiece(parent, "bdi", piece);
      at = index + piece.length;
    }
  }
  parent.append(text.slice(at));
}

/** Add an element that reads from left to right. */
export function appendPiece<Tag extends "a" | "bdi" | "code">(parent: Node, tag: Tag, text: string): HTMLElementTagNameMap[Tag] {
  const piece = parent.appendChild(document.createElement(tag));
  piece.dir = "ltr";
  piece.textContent = text;
  // Browsers break a phone number at its hyphens, and opening hours at their dash.
  if (/^[\d\s()+:\u2013-]{1,20}$/.test(text)) piece.className = "number";
  return piece;
}
