/**
 * Owns keeping the page behind from being reached or scrolled while the window covers the screen.
 * Leaves when it does to the element.
 */
import type { CsaiWidgetElement } from "../view/widget-element";

/** Follow a widget from now on. */
export function coverPage(widget: CsaiWidgetElement): void {
  let release: (() => void) | null = null;
  widget.onFit = () => {
    if (widget.isCovering === (release !== null)) return;
    if (release === null) release = hold(widget);
    else {
      release();
      release = null;
    }
  };
  widget.onFit();
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
