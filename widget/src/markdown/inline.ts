/**
 * Owns what may stand inside a line of an answer: emphasis, code, links, images and line breaks, found in one pass and built as nodes.
 * Leaves paragraphs, lists and tables to the blocks.
 */
import { safeLinkTarget } from "../sanitizer";
import { PIECE, appendPiece, fallsApart, isMixed } from "./isolate";

export interface InlineOptions {
  /** Whether more text may follow, so that a mark that is still open counts as one. */
  readonly isUnfinished?: boolean | undefined;
  /** Whether images may be loaded; otherwise a link stands for each. */
  readonly hasImages?: boolean;
}

type Tag = "a" | "bdi" | "br" | "code" | "em" | "img" | "s" | "strong";

/** A piece of the line: text, an element, or with a step the beginning (1) or the end (-1) of an element. */
interface Part {
  text: string;
  tag?: Tag | undefined;
  address?: string | undefined;
  step?: number;
}

/** Escaped character, line break, code, label, its end, address, the two groups of a piece, emphasis. */
const CONSTRUCTS = new RegExp(
  `\\\\([!-/:-@[-\`{-~])|(\\n)|(\`+)|(!?\\[)|(\\])|<((?:https?://|mailto:|tel:)[^\\s<>]+)>|${PIECE}|(\\*+|_+|~~)`,
  "gi",
);
const LINK_END = /\]\(\s*<?((?:\([^\s()<>]*\)|[^\s()<>\\]|\\.)*)>?(?:\s+["'(][^"')]*["')])?\s*\)/y;
/** The end of a link, as far as it has arrived. */
const CUT_LINK_END = /\](?:\((?:\([^\s()]*\)|[^\s()])*(?:\([^\s()]*)?(?:\s+(?:["'(][^"')]*["')]?)?)?)?$/y;

/** Build the nodes of some inline text and add them to a parent, which says which way they run. */
export function appendInline(parent: HTMLElement, text: string, options: InlineOptions): void {
  let into = parent;
  let plain = "";
  const flush = (): void => {
    if (plain !== "") into.append(plain);
    plain = "";
  };
  // Of a mark cut in half, the half that is there is no text.
  for (const { text: shown, tag, address = "", step = 0 } of scan(options.isUnfinished ? text.replace(/[*_~`\\]{1,3}$/, "") : text, isMixed(parent, text), options)) {
    if (step === 0 && (tag === undefined || (tag === "a" && into.closest("a")))) plain += shown;
    else {
      flush();
      if (step < 0) {
        tellSite(into as HTMLAnchorElement);
        into = into.parentElement!;
      }
      else {
        const node = step > 0 || tag === "br" || tag === "img" ? into.appendChild(document.createElement(tag!)) : appendPiece(into, tag as "a", shown);
        if (tag === "a") pointAt(node as HTMLAnchorElement, address);
        // An image learns as little of the page as a link does, and waits until it is seen.
        if (tag === "img") Object.assign(node, { alt: shown, loading: "lazy", referrerPolicy: "no-referrer", src: address });
        if (step > 0) into = node;
      }
    }
  }
  flush();
}

/** Find the first site that is named in words. */
function findSite(words: string): string | undefined {
  return words.toLowerCase().split(/[^\w.-]+/).find((word) => /\w\.[a-z]{2}/.test(word))?.replace(/^www\.|\.$/g, "");
}

/** Let a link whose words name another site than its own say which one it leads to. */
function tellSite(link: HTMLAnchorElement): void {
  const named = link.host && findSite(link.textContent!);
  if (named && named !== findSite(link.host)) link.append(` (${link.host})`);
}

/** Let a link open outside the page and tell the target nothing about it. */
export function pointAt(link: HTMLAnchorElement, target: string): void {
  Object.assign(link, { href: target, target: "_blank", rel: "noopener noreferrer nofollow" });
}

function scan(text: string, canFall: boolean, { isUnfinished, hasImages }: InlineOptions): readonly Part[] {
  const parts: Part[] = [];
  /** Emphasis whose end has not come, at most one of each mark. */
  const open: Part[] = [];
  /** Labels whose end has not come, each with how much emphasis was open before. */
  let labels: [label: Part, outside: number][] = [];
  let at = 0;

  const add = (text: string, tag?: Tag, address?: string): Part => {
    const part: Part = { text, tag, address };
    parts.push(part);
    return part;
  };
  const begin = (part: Part, tag: Tag = part.text === "~~" ? "s" : part.text.length > 1 ? "strong" : "em"): void => {
    part.tag = tag;
    part.step = 1;
  };
  const end = (): void => void (add("").step = -1);
  const addAddress = (text: string, address: string): void => {
    const target = safeLinkTarget(address);
    add(text, target === null ? undefined : "a", target ?? "");
  };

  const takeMarks = (run: string, before = " ", after = " "): void => {
    const isInWord = (char: string): boolean => run[0] === "_" && /[\p{L}\p{N}]/u.test(char);
    const closes = /\S/.test(before) && !isInWord(after);
    const opens = /\S/.test(after) && !isInWord(before);
    if (run.length > 3) return void add(run);
    while (run !== "") {
      let last = open.length;
      // What was open before a label ends after it.
      const first = closes ? (labels[labels.length - 1]?.[1] ?? 0) : last;
      while (--last >= first && !(run.startsWith(open[last]!.text) && (run.length !== 2 || open[last]!.text.length > 1)));
      const opener = last < first ? undefined : open[last];
      const mark = opener?.text ?? run.slice(0, 2);
      if (opener) {
        begin(opener);
        end();
        open.length = last;
      } else {
        const part = add(mark);
        if (opens && !open.some((one) => one.text === mark)) open.push(part);
      }
      run = run.slice(mark.length);
    }
  };

  /** Take the end of a label and where it leads. */
  const takeLabelEnd = (): void => {
    const [label, outside = 0] = labels.pop() ?? [];
    LINK_END.lastIndex = CUT_LINK_END.lastIndex = at - 1;
    const link = label && LINK_END.exec(text);
    if (label && link) {
      const target = safeLinkTarget(link[1]!.replace(/\\(.)/g, "$1"));
      const isImage = hasImages && label.text !== "[" && target?.startsWith("https:");
      at = LINK_END.lastIndex;
      // No link stands in another, and no emphasis reaches out of one.
      labels = [];
      open.length = outside;
      label.text = "";
      if (target === null) return;
      label.address = target;
      if (isImage) {
        label.tag = "img";
        label.text = parts.splice(parts.lastIndexOf(label) + 1).map(({ text, step }) => (step ? "" : text)).join("");
      } else {
        begin(label, "a");
        end();
      }
    } else if (label && isUnfinished && CUT_LINK_END.test(text)) {
      label.text = "";
      at = text.length;
    } else add("]");
  };

  CONSTRUCTS.lastIndex = 0;
  for (let match; (match = CONSTRUCTS.exec(text)); CONSTRUCTS.lastIndex = at) {
    const [piece, escaped, isBreak, fence, label, labelEnd, address, web, email, marks] = match;
    add(text.slice(at, match.index) + (escaped ?? ""));
    at = match.index + piece.length;
    if (isBreak) add("", "br");
    else if (fence) {
      let close = text.indexOf(fence, at);
      if (close < 0 && isUnfinished) close = text.length;
      if (close <= at) add(fence);
      else {
        add(text.slice(at, close).replace(/\n/g, " ").trim(), "code");
        at = close + fence.length;
      }
    } else if (label) labels.push([add(label), open.length]);
    else if (labelEnd) takeLabelEnd();
    else if (address) addAddress(address.replace(/^(mailto|tel):/i, ""), address);
    else if (web) addAddress(web, web);
    else if (email) addAddress(email, `mailto:${email}`);
    else if (marks) takeMarks(marks, text[match.index - 1], text[at]);
    else if (escaped === undefined) add(piece, canFall && fallsApart(piece) ? "bdi" : undefined);
  }
  add(text.slice(at));
  if (isUnfinished) {
    for (const part of open) begin(part);
    for (const [label] of labels) label.text = "";
  }
  return parts;
}
