/**
 * Owns the window that covers the screen: the page behind is neither reached nor scrolled, and the keyboard covers nothing of it.
 * Leaves when it covers to the element.
 */
import type { CsaiWidgetElement } from "../view/widget-element";

/** Follow a widget from now on; gives how to end that. */
export function coverPage(widget: CsaiWidgetElement): () => void {
  const viewport = window.visualViewport;
  let release: (() => void) | null = null;
  // iOS lays its keyboard over the page without telling the style sheet.
  const fit = (): void => {
    if (viewport == null || !widget.isOpen || viewport.scale !== 1) return;
    widget.root.style.setProperty("--visible-height", `${viewport.height}px`);
    widget.root.style.setProperty("--visible-top", `${viewport.offsetTop}px`);
  };
  widget.onFit = () => {
    fit();
    if (widget.isCovering === (release !== null)) return;
    if (release === null) release = hold(widget);
    else {
      release();
      release = null;
    }
  };
  widget.onFit();
  for (const type of ["resize", "scroll"]) viewport?.addEventListener(type, fit);
  return () => {
    for (const type of ["resize", "scroll"]) viewport?.removeEventListener(type, fit);
  };
}

function hold(widget: HTMLElement): () => void {
  const { style } = document.documentElement;
  const { overflow } = style;
  const behind = [...document.body.children].filter((part): part is HTMLElement => part instanceof HTMLElement && part !== widget && !part.inert);
  for (const part of behind) part.inert = true;
  style.overflow = "hidden";
  return () => {
    for (const part of behind) part.inert = false;
    style.overflow = overflow;
  };
}
