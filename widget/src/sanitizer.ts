/**
 * Owns what of a foreign text may be shown at all, and where a link in it may lead.
 * Leaves applying it to the readers of JSON, through which every foreign text comes, and drawing to the view, which makes text nodes only.
 */

/**
 * Characters that nobody sees and that could disguise others: controls, marks and overrides of direction, separators, invisible
 * operators. What joins letters and emoji stays; so does what breaks words. Single characters only: a text cut anywhere loses the same.
 */
const UNSEEN = /[\0-\x08\v\f\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** Give the text without what could disguise it. */
export function cleanText(text: string): string {
  return text.replace(UNSEEN, "");
}

/** Give the address in its normal form, or `null` when it is relative, broken, of a scheme that is not allowed, or hides its host behind a name. */
export function safeLinkTarget(address: string): string | null {
  try {
    const url = new URL(address.trim());
    return /^(https?|mailto|tel):$/.test(url.protocol) && url.username === "" ? url.href : null;
  } catch {
    return null;
  }
}
