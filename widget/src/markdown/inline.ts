/**
 * Owns what may stand inside a line of an answer: emphasis, code, links, images and line breaks, found in one pass and built as nodes.
 * Leaves paragraphs, lists and tables to the blocks.
 */
import { safeLinkTarget } from "../sanitizer";
import { PIECE, appendPiece, fallsApart } from "./isolate";

export interface InlineOptions {
  /** Whether more text may follow, so that a mark that is still open counts as one. */
  readonly isUnfinished?: boolean | undefined;
  /** Whether images may be loaded; otherwise a link stands for each. */
  readonly hasImages?: boolean;
}

/** A piece of the line: text, an element, or with a step the beginning (1) or the end (-1) of an element. */
interface Part {
  text: string;
  tag?: "a" | "bdi" | "br" | "code" | "em" | "img" | "s" | "strong" | undefined;
  address?: string | undefined;
  step?: number;
}

/** Escape, line break, code, label, its end, address, emphasis, piece; `*2700` is a telephone number. */
const CONSTRUCTS = new RegExp(
  `\\\\([!-/:-@[-\`{-~])|(\\n)|(\`+)|(!?\\[)|(\\])|<((?:https?://|mailto:|tel:)[^\\s<>]+)>|((?!\\*\\d{3,5}(?![\\d*]))\\*+|_+|~~)|${PIECE}`,
  "gi",
);
const LINK_END = /\]\(\s*<?((?:\([^\s()<>]*\)|[^\s()<>\\]|\\.)*)>?(?:\s+["'(][^"')]*["')])?\s*\)/y;
/** The end of a link, as far as it has arrived. */
const CUT_LINK_END = /\](?:\([^\s()]*(?:\([^\s()]*)?(?:\s+["'(][^"')]*)?)?$/y;
const MAX_OPEN = 20;

/** Build the nodes of some inline text and add them to a parent; `isMixed` says that pieces may fall apart in it. */
export function appendInline(parent: Element, text: string, isMixed: boolean, options: InlineOptions): void {
  // Of a mark cut in half, the half that is there is no text.
  const parts = scan(options.isUnfinished ? text.replace(/[*_~`\\]{1,3}$/, "") : text, isMixed, options);
  let into = parent;
  let plain = "";
  const flush = (): void => {
    if (plain !== "") into.append(plain);
    plain = "";
  };
  for (const { text, tag, address = "", step = 0 } of parts) {
    if (step === 0 && (tag === undefined || (tag === "a" && into.closest("a")))) plain += text;
    else {
      flush();
      if (step < 0) into = into.parentElement!;
      else if (tag === "img") addImage(into, address, text);
      else {
        const node = step > 0 || tag === "br" ? into.appendChild(document.createElement(tag!)) : appendPiece(into, tag as "a", text);
        if (tag === "a") pointAt(node as HTMLAnchorElement, address);
        if (step > 0) into = node;
      }
    }
  }
  flush();
}

/** An image learns as little of the page as a link does, and waits until it is seen. */
function addImage(parent: Node, address: string, label: string): void {
  const image = document.createElement("img");
  image.alt = label;
  image.loading = "lazy";
  image.referrerPolicy = "no-referrer";
  image.src = address;
  parent.appendChild(image);
}

/** Let a link open outside the page and tell the target nothing about it. */
export function pointAt(link: HTMLAnchorElement, target: string): void {
  link.href = target;
  link.target = "_blank";
  link.rel = "noopener noreferrer nofollow";
}

function scan(text: string, isMixed: boolean, { isUnfinished, hasImages }: InlineOptions): readonly Part[] {
  const parts: Part[] = [];
  /** What begins something whose end has not come, at most one of each emphasis. */
  let open: Part[] = [];
  const add = (text: string, tag?: Part["tag"], address?: string): Part => {
    const part: Part = { text, tag, address };
    parts.push(part);
    return part;
  };
  const begin = (part: Part): void => {
    const { text } = part;
    part.step = 1;
    part.tag ??= text === "~~" ? "s" : text.length > 1 ? "strong" : "em";
  };
  const end = (): void => void (add("").step = -1);
  const isLabel = (part: Part): boolean => part.text.endsWith("[");
  const addAddress = (text: string, address: string): Part => {
    const target = safeLinkTarget(address);
    return target === null ? add(text) : add(text, "a", target);
  };

  const takeMarks = (run: string, before = " ", after = " "): void => {
    const isInWord = (char: string): boolean => run[0] === "_" && /[\p{L}\p{N}]/u.test(char);
    const closes = /\S/.test(before) && !isInWord(after);
    const opens = /\S/.test(after) && !isInWord(before);
    if (run.length > 3) return void add(run);
    while (run !== "") {
      const fits = ({ text }: Part): boolean => run.startsWith(text) && (run.length !== 2 || text.length > 1);
      let at = closes ? open.length - 1 : -1;
      while (at >= 0 && !fits(open[at]!)) at = isLabel(open[at]!) ? -1 : at - 1;
      const opener = open[at];
      const mark = opener?.text ?? run.slice(0, 2);
      if (opener !== undefined) {
        begin(opener);
        end();
        open.length = at;
      } else {
        const part = add(mark);
        if (opens && !open.some(({ text }) => text === mark)) open.push(part);
      }
      run = run.slice(mark.length);
    }
  };

  /** Take the end of a label and where it leads; give where to go on. */
  const takeLabelEnd = (at: number): number => {
    let opens = open.length - 1;
    while (opens >= 0 && !isLabel(open[opens]!)) opens -= 1;
    const opener = open[opens];
    LINK_END.lastIndex = CUT_LINK_END.lastIndex = at;
    const link = opener && LINK_END.exec(text);
    if (opener === undefined || !link) {
      if (opener !== undefined && isUnfinished && CUT_LINK_END.test(text)) return text.length;
      if (opener !== undefined) open.splice(opens, 1);
      add("]");
      return at + 1;
    }
    // No link stands in another, and no emphasis reaches out of one.
    open = open.slice(0, opens).filter((part) => !isLabel(part));
    const target = safeLinkTarget(link[1]!.replace(/\\(.)/g, "$1"));
    const isImage = hasImages && opener.text === "![" && target?.startsWith("https:");
    opener.text = "";
    if (target !== null) {
      opener.tag = "a";
      opener.address = target;
      if (isImage) {
        opener.tag = "img";
        opener.text = parts.splice(parts.lastIndexOf(opener) + 1).map(({ text }) => text).join("");
      } else {
        begin(opener);
        end();
      }
    }
    return LINK_END.lastIndex;
  };

  let at = 0;
  CONSTRUCTS.lastIndex = 0;
  for (let match; (match = CONSTRUCTS.exec(text)) !== null; CONSTRUCTS.lastIndex = at) {
    const [piece, escaped, isBreak, fence, label, labelEnd, address, marks] = match;
    const { index } = match;
    add(text.slice(at, index));
    at = index + piece.length;
    if (escaped !== undefined) add(escaped);
    else if (isBreak) add("", "br");
    else if (fence) {
      let end = text.indexOf(fence, at);
      if (end < 0 && isUnfinished) end = text.length;
      if (end <= at) add(fence);
      else {
        add(text.slice(at, end).replace(/\n/g, " ").replace(/^ (.*\S.*) $/, "$1"), "code");
        at = end + fence.length;
      }
    } else if (label) {
      const part = add(label);
      if (open.length < MAX_OPEN) open.push(part);
    } else if (labelEnd) at = takeLabelEnd(index);
    else if (address) addAddress(address.replace(/^(mailto|tel):/i, ""), address);
    else if (marks) takeMarks(marks, text[index - 1], text[at]);
    else if (/^https?:\/\//i.test(piece)) addAddress(piece, piece);
    else if (/^[^\s@:/]+@[^@\s:/]+$/.test(piece)) addAddress(piece, `mailto:${piece}`);
    else add(piece, isMixed && fallsApart(piece) ? "bdi" : undefined);
  }
  add(text.slice(at));
  for (const part of isUnfinished ? open : []) {
    if (isLabel(part)) part.text = "";
    else begin(part);
  }
  return parts;
}
