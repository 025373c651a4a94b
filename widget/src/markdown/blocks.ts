/**
 * Owns turning an answer's Markdown into nodes: paragraphs, headings, lists, quotes, tables and code blocks, each running as its words do.
 * It never parses HTML. Leaves what stands inside a line to the inline part, and looks to the style sheets.
 */
import { directionOf } from "../locale/direction";
import type { Direction } from "../locale/index";
import { type InlineOptions, appendInline } from "./inline";
import { appendPiece, isMixed } from "./isolate";

export interface MarkdownOptions extends InlineOptions {
  /** Which way a text runs that does not say it by itself. */
  readonly base?: Direction | undefined;
}

const MAX_DEPTH = 6;
const FENCE = /^ {0,3}(```+|~~~+)[^`]*$/;
const HEADING = /^ {0,3}#{1,6}\s+(.*)/;
const ITEM = /^(\s*)([-*+•]|\d{1,9}[.)])(\s+)(.*)$/;
const RULE = /^ {0,3}([-*_])( *\1){2,}\s*$/;
const QUOTE = /^ {0,3}> ?/;
const ROW = /^\s*\|/;
/** Without its spaces. */
const COLUMNS = /^\|?:?-+:?(\|:?-+:?)*\|?$/;
/** A marker that has arrived without its text. */
const LONE_MARKER = /^\s*([-*+•#>|]|\d{1,9}[.)]?|\*\*|__|#{1,6}|`{1,2}|~{1,2})\s*$/;

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
  const isNested = depth < MAX_DEPTH;

  const make = <Tag extends keyof HTMLElementTagNameMap>(tag: Tag, into: Node = parent): HTMLElementTagNameMap[Tag] =>
    into.appendChild(document.createElement(tag));
  /** Options of what ends here: only the last block can be unfinished. */
  const rest = (isLast = true): MarkdownOptions => ({ ...options, base, isUnfinished: options.isUnfinished && isLast && at >= lines.length });
  const turn = (element: HTMLElement, text: string, isLast = true): Direction =>
    (element.dir = directionOf(text, base, rest(isLast).isUnfinished)) as Direction;
  const write = (element: HTMLElement, text: string, isLast = true): Direction => {
    const direction = turn(element, text, isLast);
    appendInline(element, text, isMixed(text, direction), rest(isLast));
    return direction;
  };

  const isTable = (at: number): boolean => {
    const line = lines[at]!;
    const next = lines[at + 1]?.replace(/\s/g, "");
    if (!line.includes("|")) return false;
    // The line that makes it a table may still be on its way.
    if (options.isUnfinished && at + 2 >= lines.length && ROW.test(line) && /^[|:-]*$/.test(next ?? "")) return true;
    return next !== undefined && COLUMNS.test(next) && cells(line).length === cells(next).length;
  };
  const startsBlock = (at: number): boolean => {
    const line = lines[at]!;
    return line.trim() === "" || FENCE.test(line) || HEADING.test(line) || RULE.test(line) || isTable(at) || (isNested && (ITEM.test(line) || QUOTE.test(line)));
  };

  const appendCode = (fence: string): void => {
    const from = (at += 1);
    while (at < lines.length && !(FENCE.test(lines[at]!) && lines[at]!.trim().startsWith(fence))) at += 1;
    const block = make("pre");
    block.dir = "ltr";
    block.tabIndex = 0;
    appendPiece(block, "code", lines.slice(from, at++).join("\n"));
  };

  /** An item owns the lines that are indented deeper than its marker, and a lazy line right below it. */
  const takeItem = ([, indent, marker, space, firstText]: RegExpExecArray): string[] => {
    const content = [firstText!];
    for (at += 1; at < lines.length; at += 1) {
      const line = lines[at]!;
      const inset = line.length - line.trimStart().length;
      if (line.trim() === "") content.push("");
      else if (inset > indent!.length) content.push(line.slice(Math.min(inset, (indent! + marker! + space!).length)));
      else if (content[content.length - 1] === "" || startsBlock(at)) break;
      else content.push(line);
    }
    return content;
  };

  const appendList = (first: RegExpExecArray): void => {
    const number = parseInt(first[2]!, 10);
    const isOrdered = number >= 0;
    const items: string[][] = [];
    for (let item: RegExpExecArray | null = first; item && item[1] === first[1] && /\d/.test(item[2]!) === isOrdered; item = ITEM.exec(lines[at] ?? "")) items.push(takeItem(item));
    const list = make(isOrdered ? "ol" : "ul");
    if (isOrdered && number !== 1) list.setAttribute("start", String(number));
    base = turn(list, items.join(" "));
    items.forEach((item, index) => appendBlocks(make("li", list), item, rest(index === items.length - 1), depth + 1));
  };

  const appendQuote = (): void => {
    const from = at;
    for (at += 1; at < lines.length && (QUOTE.test(lines[at]!) || !startsBlock(at)); ) at += 1;
    const content = lines.slice(from, at).map((line) => line.replace(QUOTE, ""));
    const quote = make("blockquote");
    base = turn(quote, content.join(" "));
    appendBlocks(quote, content, rest(), depth + 1);
  };

  const appendTable = (): void => {
    const from = at;
    const sides = cells((lines[at + 1] ?? "").replace(/\s/g, ""));
    const width = cells(lines[at]!).length;
    for (at += 2; at < lines.length && lines[at]!.includes("|"); ) at += 1;
    const box = make("div");
    box.className = "table";
    box.tabIndex = 0;
    const table = make("table", box);
    const rows = lines.slice(from, at);
    base = turn(table, rows.join(" "));
    const head = make("thead", table);
    const body = make("tbody", table);
    rows.forEach((line, index) => {
      if (index === 1) return;
      const row = make("tr", index === 0 ? head : body);
      cells(line).slice(0, width).forEach((text, column) => {
        const cell = make(index === 0 ? "th" : "td", row);
        if (index === 0) cell.setAttribute("scope", "col");
        if (sides[column]?.endsWith(":")) cell.className = sides[column]!.startsWith(":") ? "center" : "end";
        write(cell, text, index === rows.length - 1);
      });
    });
  };

  while (at < lines.length) {
    const line = lines[at]!;
    const fence = FENCE.exec(line);
    const heading = HEADING.exec(line);
    const item = isNested && ITEM.exec(line);
    const from = at;
    if (fence) appendCode(fence[1]!);
    else if (line.trim() === "" || RULE.test(line)) {
      at += 1;
      if (line.trim() !== "") make("hr");
    } else if (heading) {
      at += 1;
      base = write(make("h3"), heading[1]!.trim().replace(/(^| )#+$/, "").replace(/^(\*\*|__)(.*)\1$/, "$2"));
    } else if (item) appendList(item);
    else if (isNested && QUOTE.test(line)) appendQuote();
    else if (isTable(at)) appendTable();
    else {
      for (at += 1; at < lines.length && !startsBlock(at); ) at += 1;
      base = write(make("p"), lines.slice(from, at).map((one) => one.trim()).join("\n"));
    }
  }
}

/** Give the texts of a table's row. */
function cells(line: string): string[] {
  // No text has a NUL any more; it stands for a bar that does not divide.
  const inside = line.trim().replace(/\\\|/g, "\0").replace(/^\||\|$/g, "");
  return inside.split("|").map((cell) => cell.trim().replace(/\0/g, "|"));
}
