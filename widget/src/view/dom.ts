/**
 * Owns building elements and icons without markup strings, so that nothing shown is ever parsed as HTML.
 * Leaves what to build to the components.
 */
import { directionOf } from "../locale/direction";
import type { Direction } from "../locale/index";
import { appendPlain } from "../markdown/isolate";

type Attributes = Readonly<Record<string, string | boolean>>;

/**
 * Build an element with attributes and children; `false` leaves an attribute out, `true` gives it no value.
 *
 * With the direction "auto", a text alone runs as its words do, not as its first letter.
 */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const built = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) built.setAttribute(name, value === true ? "" : value);
  }
  const [text] = children;
  if (attributes["dir"] === "auto" && typeof text === "string") showText(built, text);
  else built.append(...children);
  return built;
}

/** Put plain text into an element; where its words do not say which way it runs, it runs as `base` does. */
export function showText(target: HTMLElement, text: string, base?: Direction): void {
  target.dir = directionOf(text, base);
  target.textContent = "";
  appendPlain(target, text);
}

/** Give an element the children of another; what is alike stays, and with it a selection in it or a link that is being pressed. */
export function morph(shown: Node, next: Node): void {
  const children = [...next.childNodes];
  children.forEach((child, at) => {
    const old = shown.childNodes[at];
    if (old === undefined) shown.appendChild(child);
    else if (old.nodeName === child.nodeName && child.nodeValue?.startsWith(old.nodeValue!)) (old as Text).appendData(child.nodeValue.slice(old.nodeValue!.length));
    else if (old.cloneNode().isEqualNode(child.cloneNode())) morph(old, child);
    else shown.replaceChild(child, old);
  });
  while (shown.childNodes.length > children.length) shown.lastChild!.remove();
}

/** Build a stroked 24 × 24 icon from its paths; assistive technology does not see it. */
export function icon(...paths: readonly string[]): SVGSVGElement {
  const namespace = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(namespace, "svg");
  const attributes = { viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false", class: "icon" };
  for (const [name, value] of Object.entries(attributes)) svg.setAttribute(name, value);
  for (const path of paths) svg.appendChild(document.createElementNS(namespace, "path")).setAttribute("d", path);
  return svg;
}

/** Add a style sheet made by script, which passes a policy that forbids inline styles; browsers without them get the element. */
export function addStyles(shadow: ShadowRoot, css: string): void {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    shadow.adoptedStyleSheets = [...shadow.adoptedStyleSheets, sheet];
  } catch {
    shadow.append(element("style", {}, css));
  }
}

export const ICONS = {
  chat: [
    "M21 11.5a8.4 8.4 0 0 1-9 8.4 9.6 9.6 0 0 1-3.6-.7L3 21l1.7-4.6A8.2 8.2 0 0 1 3 11.5 8.6 8.6 0 0 1 12 3a8.6 8.6 0 0 1 9 8.5Z",
    "M8.5 11.5h.01M12 11.5h.01M15.5 11.5h.01",
  ],
  close: ["M6 6l12 12M18 6L6 18"],
  down: ["M6 9l6 6 6-6"],
  menu: ["M5 12h.01M12 12h.01M19 12h.01"],
  stop: ["M8 8h8v8H8zM10 10h4v4h-4zM12 12h0"],
  restart: ["M20 11a8 8 0 1 0-2.3 6.2", "M20 5v6h-6"],
  send: ["M12 19V5", "M5.5 11.5L12 5l6.5 6.5"],
} as const;
