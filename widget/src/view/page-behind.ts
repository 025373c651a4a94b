/**
 * Owns the page behind a window that covers the screen: it is neither reached nor scrolled.
 * Leaves when a window covers it to the element.
 */

/** Hold the page, with all that it adds from now on; gives how to let go of it. */
export function holdPage(widget: HTMLElement): () => void {
  const { body, documentElement } = document;
  const { style } = documentElement;
  const { overflow } = style;
  const behind: HTMLElement[] = [];
  const hold = (): void => {
    for (const part of body.children as HTMLCollectionOf<HTMLElement>) {
      if (part.localName === widget.localName || part.inert) continue;
      part.inert = true;
      behind.push(part);
    }
  };
  const newcomers = new MutationObserver(hold);
  newcomers.observe(body, { childList: true });
  hold();
  style.overflow = "hidden";
  return () => {
    newcomers.disconnect();
    for (const part of behind) part.inert = false;
    if (style.overflow === "hidden") style.overflow = overflow;
  };
}
