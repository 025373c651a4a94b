/**
 * Owns what may stand inside a line of an answer: emphasis, code, links and line breaks, built as nodes.
 * Leaves paragraphs, lists and code blocks to the blocks.
 */
import { safeLinkTarget } from "./link-target";

export interface InlineOptions {
  /** Whether more text may follow, so that a mark that is still open counts as one. */
  readonly isUnfinished: boolean;
  /** Whether this is the label of a link, in which no other link may stand. */
  readonly isLabel?: boolean;
}

const MAX_DEPTH = 8;
const ESCAPABLE = /^[!-/:-@[-`{-~]$/;
const BARE_LINK = /^https?:\/\/[^\s<>"']+/i;
const LABELLED_LINK = /^\[((?:[^[\]\\]|\\.|\[[^[\]]*\])*)\]\(\s*<?((?:[^\s()<>\\]|\\.|\([^\s()]*\))*)>?(?:\s+["'(][^"')]*["')])?\s*\)/;
/** The beginning of a labelled link whose end has not arrived. */
const CUT_LINK = /^\[([^[\]]*)(\](\([^\s()]*)?)?$/;

/** Build the nodes of some inline text and add them to a parent. */
export function appendInline(parent: Node, text: string, options: InlineOptions, depth = 0): void {
  const scanner = new InlineScanner(parent, text, options, depth);
  scanner.run();
}

class InlineScanner {
  private readonly document: Document;
  private plain = "";
  private position = 0;
  /** Marks that close nowhere in the rest of this text. */
  private readonly unclosed = new Set<string>();

  constructor(
    private readonly parent: Node,
    private readonly text: string,
    private readonly options: InlineOptions,
    private readonly depth: number,
  ) {
    this.document = parent.ownerDocument ?? document;
  }

  run(): void {
    while (this.position < this.text.length) {
      const length = this.takeConstruct();
      if (length > 0) this.position += length;
      else this.plain += this.text[this.position++] ?? "";
    }
    this.flush();
  }

  /** Try the construct that may begin here; give how many characters it took. */
  private takeConstruct(): number {
    const char = this.text[this.position] ?? "";
    switch (char) {
      case "\\":
        return this.takeEscape();
      case "\n":
        return this.add(this.document.createElement("br"), 1);
      case "`":
        return this.takeCode();
      case "[":
        return this.options.isLabel === true ? 0 : this.takeLink();
      case "!":
        // An image is not loaded; what stands for it is its label, as a link.
        return LABELLED_LINK.test(this.text.slice(this.position + 1)) ? 1 : 0;
      case "<":
        return this.options.isLabel === true ? 0 : this.takeAngleLink();
      case "*":
      case "_":
        return this.takeEmphasis(char);
      case "h":
      case "H":
        return this.options.isLabel === true ? 0 : this.takeBareLink();
      default:
        return 0;
    }
  }

  private takeEscape(): number {
    const next = this.text[this.position + 1] ?? "";
    if (!ESCAPABLE.test(next)) return 0;
    this.plain += next;
    return 2;
  }

  private takeCode(): number {
    const rest = this.text.slice(this.position);
    const fence = /^`+/.exec(rest)?.[0] ?? "`";
    let end = rest.indexOf(fence, fence.length);
    if (end < 0) {
      if (!this.options.isUnfinished || rest.length === fence.length) {
        this.plain += fence;
        return fence.length;
      }
      end = rest.length;
    }
    const code = this.document.createElement("code");
    code.dir = "ltr";
    code.textContent = rest.slice(fence.length, end).replace(/\n/g, " ").replace(/^ (.*\S.*) $/, "$1");
    return this.add(code, Math.min(end + fence.length, rest.length));
  }

  private takeLink(): number {
    const rest = this.text.slice(this.position);
    const whole = LABELLED_LINK.exec(rest);
    if (whole !== null) return this.addLink(whole[1] ?? "", whole[2] ?? "", whole[0].length);
    const cut = this.options.isUnfinished ? CUT_LINK.exec(rest) : null;
    if (cut === null) return 0;
    // Show the words of a link that is still being written, not its address.
    this.plain += cut[1] ?? "";
    return cut[0].length;
  }

  private takeAngleLink(): number {
    const match = /^<((?:https?:\/\/|mailto:|tel:)[^\s<>]+)>/i.exec(this.text.slice(this.position));
    const address = match?.[1] ?? "";
    return match === null ? 0 : this.addLink("", address, match[0].length, address.replace(/^(mailto|tel):/i, ""));
  }

  private takeBareLink(): number {
    if (/\w$/.test(this.text.slice(Math.max(0, this.position - 1), this.position))) return 0;
    const match = BARE_LINK.exec(this.text.slice(this.position, this.position + 2048));
    if (match === null) return 0;
    let address = match[0].replace(/[.,;:!?*_~]+$/, "");
    if (!address.includes("(")) address = address.replace(/\)+.*$/, "");
    return this.addLink("", address, address.length, address);
  }

  private takeEmphasis(char: "*" | "_"): number {
    const { text, position } = this;
    if (this.depth >= MAX_DEPTH) return 0;
    const run = /^(\*+|_+)/.exec(text.slice(position))?.[0] ?? char;
    const isAtWordStart = char === "*" || !isWordCharacter(text[position - 1]);
    if (run.length > 3 || !isAtWordStart || !/\S/.test(text[position + run.length] ?? " ")) return this.skip(run);
    const mark = run.slice(0, 2);
    const start = position + mark.length;
    let end = this.unclosed.has(mark) ? -1 : this.findClosing(mark, start);
    if (end < 0) {
      this.unclosed.add(mark);
      if (!this.options.isUnfinished) return this.skip(mark);
      end = text.length;
    }
    const element = this.document.createElement(mark.length === 2 ? "strong" : "em");
    const inner = text.slice(start, end);
    // Of a closing mark cut in half, the half that is there is no text.
    appendInline(element, end === text.length ? inner.replace(/[*_]$/, "") : inner, this.options, this.depth + 1);
    return this.add(element, Math.min(end + mark.length, text.length) - position);
  }

  /** Find where emphasis closes: after a non-space, not in code, not inside a word for underscores. */
  private findClosing(mark: string, start: number): number {
    const { text } = this;
    const char = mark.charAt(0);
    for (let at = start; at < text.length; at += 1) {
      const here = text[at];
      if (here === "\\") at += 1;
      else if (here === "`") at = skipCode(text, at);
      else if (here === char) {
        let run = 1;
        while (text[at + run] === char) run += 1;
        const isAfterText = /\S/.test(text[at - 1] ?? " ");
        const isAtWordEnd = char === "*" || !isWordCharacter(text[at + run]);
        const fits = mark.length === 2 ? run >= 2 : run !== 2;
        if (isAfterText && isAtWordEnd && fits) return run > mark.length ? at + run - mark.length : at;
        at += run - 1;
      }
    }
    return -1;
  }

  private addLink(label: string, address: string, length: number, plainLabel = ""): number {
    const target = safeLinkTarget(address.replace(/\\(.)/g, "$1"));
    const inside: Node = target === null ? this.document.createDocumentFragment() : buildLink(this.document, target);
    if (plainLabel !== "") inside.appendChild(this.document.createTextNode(plainLabel));
    else if (this.depth < MAX_DEPTH) appendInline(inside, label, { isUnfinished: false, isLabel: true }, this.depth + 1);
    else inside.appendChild(this.document.createTextNode(label));
    return this.add(inside, length);
  }

  private skip(mark: string): number {
    this.plain += mark;
    return mark.length;
  }

  private add(node: Node, length: number): number {
    this.flush();
    this.parent.appendChild(node);
    return length;
  }

  private flush(): void {
    if (this.plain !== "") this.parent.appendChild(this.document.createTextNode(this.plain));
    this.plain = "";
  }
}

/** Build an empty link that opens outside the page and tells the target nothing about it. */
export function buildLink(document: Document, target: string): HTMLAnchorElement {
  const link = document.createElement("a");
  link.href = target;
  link.target = "_blank";
  link.rel = "noopener noreferrer nofollow";
  return link;
}

function isWordCharacter(char: string | undefined): boolean {
  return char !== undefined && /[\p{L}\p{N}]/u.test(char);
}

/** Give the last position of the code span that begins here, or this position when it never closes. */
function skipCode(text: string, at: number): number {
  const end = text.indexOf("`", at + 1);
  return end < 0 ? at : end;
}
