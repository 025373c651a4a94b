/**
 * Owns that a phone's keyboard covers nothing of the window: iOS lays it over the page without telling the style sheet.
 * Leaves where the window lies otherwise to the style sheet.
 */
import type { CsaiWidgetElement } from "../view/widget-element";

const CHANGES = ["resize", "scroll"];

/** Keep a window in what is seen of the screen from now on; gives how to end that. */
export function keepAboveKeyboard(widget: CsaiWidgetElement): () => void {
  const viewport = window.visualViewport;
  if (viewport == null) return () => undefined;
  const fit = (): void => {
    if (!widget.isOpen || viewport.scale !== 1) return;
    widget.root.style.setProperty("--visible-height", `${viewport.height}px`);
    widget.root.style.setProperty("--visible-top", `${viewport.offsetTop}px`);
  };
  widget.onFit = fit;
  fit();
  for (const type of CHANGES) viewport.addEventListener(type, fit);
  return () => {
    for (const type of CHANGES) viewport.removeEventListener(type, fit);
  };
}
