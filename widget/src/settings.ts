/**
 * Owns what a site builder and the tenant may choose: reading script attributes and the server's config, each by the same table.
 * Leaves applying the choices, and which of them wins, to the widget.
 */
import { asObject, asText, asTexts } from "./api/json";
import { safeLinkTarget } from "./sanitizer";
import { parseColor } from "./view/color";

export const POSITIONS = ["bottom-right", "bottom-left", "top-right", "top-left"] as const;
export const THEMES = ["light", "dark", "auto"] as const;

export type Position = (typeof POSITIONS)[number];
export type Theme = (typeof THEMES)[number];

/** How each choice is read: an ill-formed value counts as none, `undefined`. */
const READERS = {
  position: oneOf(POSITIONS),
  theme: oneOf(THEMES),
  primaryColor: (value: unknown) => parseColor(asText(value)) ?? undefined,
  greeting: readText,
  title: readText,
  language: readText,
  direction: oneOf(["ltr", "rtl"]),
  texts: (value: unknown) => {
    const texts = Object.entries(asObject(value)).map(([key, text]) => [key, asText(text)] as const);
    return texts.length > 0 ? Object.fromEntries(texts.filter(([, text]) => text !== "")) : undefined;
  },
  quickReplies: (value: unknown) => {
    const replies = asTexts(value);
    return replies.length > 0 ? replies : undefined;
  },
  avatarUrl: (value: unknown) => {
    const target = safeLinkTarget(asText(value));
    return target?.startsWith("https:") ? target : undefined;
  },
  /** What stands beside the bubble's icon. */
  launcherText: readText,
  /** Whether the page opens the window by itself and shows no bubble. */
  hideLauncher: readFlag,
  proactiveText: readText,
  /** In seconds. */
  proactiveDelay: (value: unknown) => {
    const seconds = parseFloat(String(value));
    return seconds >= 0 ? seconds : undefined;
  },
  disclosure: readText,
  allowImages: readFlag,
  sound: readFlag,
  rating: readFlag,
  transcript: readFlag,
  /** What a visitor is asked before the conversation, as the server describes it; the extras read it. */
  preChat: (value: unknown) => value ?? undefined,
};

type Readers = typeof READERS;

/** What is chosen in one place; what is absent was not chosen there. */
export type Choices = { readonly [Name in keyof Readers]?: Exclude<ReturnType<Readers[Name]>, undefined> };

/** The raw choices of a page, by attribute name without `data-`, camel-cased as in `dataset`. */
export type PageOptions = Readonly<Record<string, string | undefined>>;

/** Read choices by their names. */
export function readChoices(fields: Readonly<Record<string, unknown>>): Choices {
  const read = Object.entries(READERS).map(([name, reader]) => [name, reader(fields[name])] as const);
  return Object.fromEntries(read.filter(([, value]) => value !== undefined));
}

/** Read what the tenant chose from the server's config, whose names are in snake case. */
export function readConfigChoices(config: unknown): Choices {
  const fields = asObject(config);
  const { text, delay_s } = asObject(fields["proactive"]);
  const named = Object.entries(fields).map(([name, value]) => [name.replace(/_./g, (part) => part.slice(1).toUpperCase()), value]);
  return readChoices({ ...Object.fromEntries(named), title: fields["title"] || fields["name"], proactiveText: text, proactiveDelay: delay_s });
}

function readText(value: unknown): string | undefined {
  return asText(value).trim() || undefined;
}

/** An attribute without a value says yes. */
function readFlag(value: unknown): boolean | undefined {
  const text = String(value);
  return text === "" || text === "true" ? true : text === "false" ? false : undefined;
}

function oneOf<T extends string>(allowed: readonly T[]): (value: unknown) => T | undefined {
  return (value) => allowed.find((one) => one === value);
}
