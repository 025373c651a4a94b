/**
 * Owns the greeting that comes up beside the bubble by itself, and its two ways out.
 * Leaves when it comes to the widget; it never takes the focus.
 */
import type { ExtrasHost } from "../extras-desk";
import { ICONS, element, icon } from "../view/dom";
import { extraStrings } from "./strings";

/** Build it. */
export function buildTeaser(text: string, { element: widget, store, locale }: ExtrasHost): HTMLElement {
  const { dismiss } = extraStrings(locale());
  const open = element("button", { type: "button", class: "taken", dir: "auto", "data-testid": "csai-teaser" }, element("span", {}, text));
  const close = element("button", { type: "button", class: "away", "aria-label": dismiss, title: dismiss, "data-testid": "csai-teaser-close" }, icon(...ICONS.close));
  const leave = (): void => {
    const hadFocus = teaser.matches(":focus-within");
    store.isLeftAlone = true;
    teaser.remove();
    if (hadFocus) widget.bubble.focus();
  };
  open.addEventListener("click", () => widget.bubble.click());
  close.addEventListener("click", leave);
  const teaser = element("div", { class: "teaser" }, open, close);
  teaser.addEventListener("keydown", (event) => {
    if (event.key === "Escape") leave();
  });
  return teaser;
}
