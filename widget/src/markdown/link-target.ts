/**
 * Owns the decision which addresses a link in an answer may lead to.
 * Leaves finding and drawing links to the Markdown renderer and the view.
 */

const ALLOWED_SCHEMES = ["http:", "https:", "mailto:", "tel:"];

/** Give the address in its normal form, or `null` when it is relative, broken or of a scheme that is not allowed. */
export function safeLinkTarget(address: string): string | null {
  let url: URL;
  try {
    url = new URL(address.trim());
  } catch {
    return null;
  }
  return ALLOWED_SCHEMES.includes(url.protocol) ? url.href : null;
}
