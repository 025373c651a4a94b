/**
 * Owns turning an answer's Markdown into nodes: paragraphs, headings, lists and code blocks. It never parses HTML.
 * Leaves what stands inside a line to the inline part, and looks to the style sheet.
 */
import { type InlineOptions, appendInline } from "./inline";

const MAX_DEPTH = 6;
const FENCE = /^ {0,3}(```+|~~~+)[^`]*$/;
const HEADING = /^ {0,3}#{1,6}\s+(.*?)\s*#*$/;
const ITEM = /^(\s*)([-*+•]|\d{1,9}[.)])(\s+)(.*)$/;
const RULE = /^ {0,3}([-*_])( *\1){2,}\s*$/;
/** A marker that has arrived without its text. */
const LONE_MARKER = /^\s*([-*+•#]|\d{1,9}[.)]?|\*\*|__|#{1,6}|`{1,2}|~{1,2})\s*$/;

/**
 * Build an answer's nodes.
 *
 * `isUnfinished` says that more text will follow: open marks then count as closed at the end, and a marker without its
 * text is not shown yet, so that half-written Markdown looks like what it will become.
 */
export function renderMarkdown(document: Document, text: string, options: InlineOptions): DocumentFragment {
  const fragment = document.createDocumentFragment();
  const lines = text.replace(/\r\n?/g, "\n").replace(/\t/g, "    ").split("\n");
  if (options.isUnfinished && lines.length > 0 && LONE_MARKER.test(lines[lines.length - 1] ?? "")) lines.pop();
  new BlockBuilder(document, lines, options, 0).appendTo(fragment);
  return fragment;
}

class BlockBuilder {
  private at = 0;

  constructor(
    private readonly document: Document,
    private readonly lines: readonly string[],
    private readonly options: InlineOptions,
    private readonly depth: number,
  ) {}

  appendTo(parent: Node): void {
    while (this.at < this.lines.length) {
      const line = this.lines[this.at] ?? "";
      if (line.trim() === "") this.at += 1;
      else if (FENCE.test(line)) parent.appendChild(this.codeBlock(line));
      else if (HEADING.test(line)) parent.appendChild(this.heading(line));
      else if (RULE.test(line)) parent.appendChild(this.rule());
      else if (this.depth < MAX_DEPTH && ITEM.test(line)) parent.appendChild(this.list(line));
      else parent.appendChild(this.paragraph());
    }
  }

  private codeBlock(opening: string): HTMLElement {
    const fence = FENCE.exec(opening)?.[1] ?? "```";
    const content: string[] = [];
    for (this.at += 1; this.at < this.lines.length; this.at += 1) {
      const line = this.lines[this.at] ?? "";
      if (line.trim().startsWith(fence) && FENCE.test(line)) {
        this.at += 1;
        break;
      }
      content.push(line);
    }
    const block = this.element("pre", "ltr");
    block.tabIndex = 0;
    block.appendChild(this.document.createElement("code")).textContent = content.join("\n");
    return block;
  }

  private rule(): HTMLElement {
    this.at += 1;
    return this.document.createElement("hr");
  }

  private heading(line: string): HTMLElement {
    this.at += 1;
    const paragraph = this.element("p");
    const strong = paragraph.appendChild(this.document.createElement("strong"));
    appendInline(strong, (HEADING.exec(line)?.[1] ?? "").replace(/^(\*\*|__)(.*)\1$/, "$2"), this.inlineOptions());
    return paragraph;
  }

  private paragraph(): HTMLElement {
    const first = this.at;
    this.at += 1;
    while (this.at < this.lines.length && !this.startsBlock(this.lines[this.at] ?? "")) this.at += 1;
    const paragraph = this.element("p");
    const text = this.lines.slice(first, this.at).map((line) => line.trim()).join("\n");
    appendInline(paragraph, text, this.inlineOptions());
    return paragraph;
  }

  private startsBlock(line: string): boolean {
    if (line.trim() === "" || FENCE.test(line) || HEADING.test(line) || RULE.test(line)) return true;
    return this.depth < MAX_DEPTH && ITEM.test(line);
  }

  private list(firstLine: string): HTMLElement {
    const [, indent = "", marker = ""] = ITEM.exec(firstLine) ?? [];
    const isOrdered = /\d/.test(marker);
    const list = this.element(isOrdered ? "ol" : "ul");
    if (isOrdered && parseInt(marker, 10) !== 1) list.setAttribute("start", String(parseInt(marker, 10)));
    while (this.at < this.lines.length) {
      const match = ITEM.exec(this.lines[this.at] ?? "");
      if (match === null || /\d/.test(match[2] ?? "") !== isOrdered) break;
      if ((match[1] ?? "").length !== indent.length) break;
      list.appendChild(this.item(match));
    }
    return list;
  }

  /** An item owns the lines that are indented deeper than its marker, and a lazy line right below it. */
  private item(match: RegExpExecArray): HTMLElement {
    const [, indent = "", marker = "", space = "", firstText = ""] = match;
    const content = [firstText];
    for (this.at += 1; this.at < this.lines.length; this.at += 1) {
      const line = this.lines[this.at] ?? "";
      const depth = line.length - line.trimStart().length;
      const isBelowBlank = content[content.length - 1] === "";
      if (line.trim() === "") content.push("");
      else if (depth > indent.length) content.push(line.slice(Math.min(depth, indent.length + marker.length + space.length)));
      else if (isBelowBlank || this.startsBlock(line)) break;
      else content.push(line);
    }
    const item = this.element("li");
    const isLast = this.at >= this.lines.length;
    const options = { isUnfinished: this.options.isUnfinished && isLast };
    new BlockBuilder(this.document, content, options, this.depth + 1).appendTo(item);
    return item;
  }

  /** Only the last block can be unfinished. */
  private inlineOptions(): InlineOptions {
    return { isUnfinished: this.options.isUnfinished && this.at >= this.lines.length };
  }

  private element(tag: "p" | "pre" | "ol" | "ul" | "li", direction: "auto" | "ltr" = "auto"): HTMLElement {
    const element = this.document.createElement(tag);
    element.dir = direction;
    return element;
  }
}
