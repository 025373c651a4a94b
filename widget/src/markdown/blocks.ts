/**
 * Owns turning an answer's Markdown into nodes: paragraphs, headings, lists, quotes, tables and code blocks, each running as its words do.
 * It never parses HTML. Leaves what stands inside a line to the inline part, and looks to the style sheets.
 */
import { directionOf } from "../locale/direction";
import type { Direction } from "../locale/index";
import { type InlineOptions, appendInline } from "./inline";
import { appendPiece } from "./isolate";

export interface MarkdownOptions extends InlineOptions {
  /** Which way a text runs that does not say it by itself. */
  readonly base?: Direction | undefined;
}

const MAX_DEPTH = 6;
const FENCE = /^ {0,3}(```+|~~~+)[^`]*$/;
const HEADING = /^ {0,3}#{1,6}\s+(.*)/;
/** Indent, marker with its space, text. */
const ITEM = /^( *)((?:[-*+•]|\d{1,9}[.)]) +)(.*)$/;
const RULE = /^ {0,3}([-*_])( *\1){2,}\s*$/;
const QUOTE = /^ {0,3}> ?/;
/** The line below a table's head, without its spaces. */
const COLUMNS = /^\|?:?-+:?(\|:?-+:?)*\|?$/;
/** What a block begins with, and nothing yet of what it holds. */
const LONE_MARKER = /^(?!.*\d\d\d)[-\s*+•#>|`~_\d.):]*$/;

/**
 * Build an answer's nodes.
 *
 * When it is unfinished, open marks count as closed at the end, and a marker without its text is not shown yet, so that half-written
 * Markdown looks like what it will become.
 */
export function renderMarkdown(text: string, options: MarkdownOptions = {}): DocumentFragment {
  const fragment = document.createDocumentFragment();
  const lines = text.replace(/\r\n?/g, "\n").replace(/\t/g, "    ").split("\n");
  if (options.isUnfinished && LONE_MARKER.test(lines[lines.length - 1]!)) lines.pop();
  appendBlocks(fragment, lines, options, 0);
  return fragment;
}

function appendBlocks(parent: Node, lines: readonly string[], options: MarkdownOptions, depth: number): void {
  let { base } = options;
  let at = 0;

  const make = (tag: keyof HTMLElementTagNameMap, into = parent): HTMLElement => into.appendChild(document.createElement(tag));
  /** Only what ends here can be unfinished. */
  const rest = (isLast = true): MarkdownOptions => ({ ...options, base, isUnfinished: isLast && at >= lines.length && options.isUnfinished });
  /** Make what runs as a text does; what follows it runs the same way where its own words do not say. */
  const block = (tag: keyof HTMLElementTagNameMap, text: string, into = parent, isLast = true): HTMLElement => {
    const element = make(tag, into);
    const direction = directionOf(text, base, rest(isLast).isUnfinished);
    element.dir = direction;
    if (into === parent) base = direction;
    return element;
  };
  const write = (tag: keyof HTMLElementTagNameMap, text: string, into = parent, isLast = true): HTMLElement => {
    const element = block(tag, text, into, isLast);
    appendInline(element, text, rest(isLast));
    return element;
  };

  const find = (pattern: RegExp, at: number): RegExpExecArray | null => (depth < MAX_DEPTH ? pattern.exec(lines[at] ?? "") : null);
  const isBlank = (line: string): boolean => line.trim() === "";
  const isTable = (at: number): boolean => {
    const line = lines[at]!;
    if (!line.includes("|")) return false;
    // The line that makes it a table may still be on its way.
    if (at + 1 >= lines.length) return options.isUnfinished === true && line.trim().startsWith("|");
    const columns = lines[at + 1]!.replace(/\s/g, "");
    return COLUMNS.test(columns) && cells(line).length === cells(columns).length;
  };
  const startsBlock = (at: number): boolean => {
    const line = lines[at]!;
    return isBlank(line) || FENCE.test(line) || HEADING.test(line) || RULE.test(line) || isTable(at) || (find(ITEM, at) ?? find(QUOTE, at)) !== null;
  };
  /** Take the lines from here to the one that ends them. */
  const take = (isEnd: (line: string) => boolean): readonly string[] => {
    const from = at;
    while (++at < lines.length && !isEnd(lines[at]!));
    return lines.slice(from, at);
  };

  /** An item owns the lines that are indented deeper than its marker, and a lazy line right below it. */
  const takeItem = ([, indent, marker, text]: RegExpExecArray): readonly string[] => {
    let before = text!;
    const inside = indent!.length;
    const [, ...others] = take((line) => {
      const isOutside = !isBlank(line) && line.search(/\S/) <= inside && (isBlank(before) || startsBlock(at));
      before = line;
      return isOutside;
    });
    return [text!, ...others.map((line) => line.slice(Math.min(line.search(/\S/) >>> 0, inside + marker!.length)))];
  };

  const appendList = (first: RegExpExecArray): void => {
    const number = parseInt(first[2]!, 10);
    const isOrdered = number >= 0;
    const items: (readonly string[])[] = [];
    for (let item: RegExpExecArray | null = first; item && item[1] === first[1] && /\d/.test(item[2]!) === isOrdered; item = find(ITEM, at)) items.push(takeItem(item));
    const list = block(isOrdered ? "ol" : "ul", items.join(" "));
    if (isOrdered && number !== 1) list.setAttribute("start", String(number));
    items.forEach((item, index) => appendBlocks(make("li", list), item, rest(index === items.length - 1), depth + 1));
  };

  const appendTable = (): void => {
    const [head = "", columns = "", ...body] = take((line) => !line.includes("|"));
    const sides = cells(columns);
    const box = block("div", [head, ...body].join(" "));
    box.className = "table";
    box.tabIndex = 0;
    const table = make("table", box);
    const appendRow = (line: string, tag: "td" | "th", isLast: boolean): void => {
      const row = make("tr", table);
      cells(line).slice(0, cells(head).length).forEach((text, column) => {
        const cell = write(tag, text, row, isLast);
        if (tag === "th") cell.setAttribute("scope", "col");
        if (/:$/.test(sides[column]!)) cell.className = /^:/.test(sides[column]!) ? "center" : "end";
      });
    };
    appendRow(head, "th", body.length === 0);
    body.forEach((line, index) => appendRow(line, "td", index === body.length - 1));
  };

  while (at < lines.length) {
    const line = lines[at]!;
    const fence = FENCE.exec(line)?.[1];
    const heading = HEADING.exec(line);
    const item = find(ITEM, at);
    if (fence !== undefined) {
      const [, ...code] = take((line) => FENCE.test(line) && line.trim().startsWith(fence));
      const box = make("pre");
      box.dir = "ltr";
      box.tabIndex = 0;
      appendPiece(box, "code", code.join("\n"));
      at += 1;
    } else if (isBlank(line)) at += 1;
    else if (RULE.test(line)) {
      make("hr");
      at += 1;
    } else if (heading) {
      at += 1;
      write("h3", heading[1]!.replace(/ #+ *$/, ""));
    } else if (item) appendList(item);
    else if (find(QUOTE, at)) {
      const quoted = take((line) => !QUOTE.test(line) && startsBlock(at)).map((line) => line.replace(QUOTE, ""));
      appendBlocks(block("blockquote", quoted.join(" ")), quoted, rest(), depth + 1);
    } else if (isTable(at)) appendTable();
    else write("p", take(() => startsBlock(at)).map((line) => line.trim()).join("\n"));
  }
}

/** Give the texts of a table's row. */
function cells(line: string): readonly string[] {
  // No text has a NUL any more; it stands for a bar that does not divide.
  const inside = line.trim().replace(/\\\|/g, "\0").replace(/^\||\|$/g, "");
  return inside.split("|").map((cell) => cell.trim().replace(/\0/g, "|"));
}
