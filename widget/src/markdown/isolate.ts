/**
 * Owns keeping order numbers, phone numbers, prices, times and addresses in one piece inside text that runs the other way.
 * Leaves the direction of the text itself to the locale.
 */
import { hasRtl } from "../locale/direction";
import type { Direction } from "../locale/index";

const PAUSE = "[.,;:!?*_~]";
const ADDRESS = `[^\\s<>"'()\\].,;:!?*_~]`;
const TAIL = "[a-z\\d]*(?:[-\u2013_.,:/&'\u00d7+]+[a-z\\d]+)*[+#%\u00b0\u20aa$\u20ac\u00a3]?";
const NUMBER = `\\d${TAIL}`;
const WORD = `[a-z]${TAIL}(?: ${NUMBER})?`;
export const EMAIL = "[a-z\\d][\\w.+-]*@[a-z\\d-]+(?:\\.[a-z\\d-]+)+";

/** A web address without the punctuation after it; parentheses count when they close. */
export const WEB = `https?://(?:\\([^\\s()<>"']*\\)|${ADDRESS}|${PAUSE}+(?=${ADDRESS}|\\())+`;

/** The longest piece that reads from left to right: an address, a phone number, or Latin words with the numbers among them. */
export const PIECE = [
  WEB,
  EMAIL,
  "\\*\\d{3,5}(?![\\d*])",
  "(?:\\+?\\d+[ -])?\\(\\d+\\)[ -]?[\\d-]*\\d",
  "\\+?\\d[\\d-]*(?: [\\d-]*\\d)+",
  `[#+\u20aa$\u20ac\u00a3]?(?:${NUMBER}|${WORD})(?: (?!https?:|[\\w.+-]+@)${WORD})*`,
].join("|");

const PIECES = new RegExp(PIECE, "gi");

/** Say whether a piece may fall apart: one that begins and ends with a letter holds together by itself, and so does a number alone. */
export function fallsApart(piece: string): boolean {
  return !/^(\d+|[a-z](.*[a-z\d])?)$/i.test(piece);
}

/** Say whether pieces may fall apart at all in such a text. */
export function isMixed(text: string, direction: Direction): boolean {
  return direction === "rtl" || hasRtl(text);
}

/** Add plain text to a parent, with its pieces isolated. */
export function appendPlain(parent: Element, text: string, direction: Direction): void {
  let at = 0;
  if (isMixed(text, direction)) {
    for (const { 0: piece, index } of text.matchAll(PIECES)) {
      if (!fallsApart(piece)) continue;
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
  return piece;
}
