/**
 * Owns the registration of the widget's element.
 * Leaves the element's class to its own module, so that it can be used without being registered.
 */
import { CsaiWidgetElement } from "./widget-element";

export const TAG_NAME = "csai-widget";

/** Create a widget element, registering it first if nobody has. */
export function createWidgetElement(): CsaiWidgetElement {
  if (customElements.get(TAG_NAME) === undefined) customElements.define(TAG_NAME, CsaiWidgetElement);
  return document.createElement(TAG_NAME) as CsaiWidgetElement;
}
