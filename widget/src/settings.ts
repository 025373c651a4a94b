/**
 * Owns what a site builder and the tenant may choose: reading script attributes and the server's config, and which of them wins.
 * Leaves applying the choices to the widget.
 */
import { asList, asObject, asText, asTexts } from "./api/json";
import type { Direction } from "./locale/index";
import { type Rgb, parseColor } from "./view/color";

export const POSITIONS = ["bottom-right", "bottom-left", "top-right", "top-left"] as const;
export const THEMES = ["light", "dark", "auto"] as const;

export type Position = (typeof POSITIONS)[number];
export type Theme = (typeof THEMES)[number];

/** What is chosen in one place; what is absent was not chosen there. */
export interface Choices {
  readonly position?: Position;
  readonly theme?: Theme;
  readonly primaryColor?: Rgb;
  readonly greeting?: string;
  readonly title?: string;
  readonly language?: string;
  readonly direction?: Direction;
  readonly texts?: Readonly<Record<string, string>>;
  readonly quickReplies?: readonly string[];
}

/** The raw choices of a page, by attribute name without `data-`, camel-cased as in `dataset`. */
export type PageOptions = Readonly<Record<string, string | undefined>>;

/** Read what a page chose; ill-formed values count as not chosen. */
export function readPageChoices(options: PageOptions): Choices {
  return readChoices({
    position: options["position"],
    theme: options["theme"],
    primary_color: options["primaryColor"],
    greeting: options["greeting"],
    title: options["title"],
    language: options["language"],
  });
}

/** Read what the tenant chose from the server's config; ill-formed values count as not chosen. */
export function readConfigChoices(config: unknown): Choices {
  const fields = asObject(config);
  return readChoices({ ...fields, title: asText(fields["title"]) || fields["name"] });
}

/** Join choices; the later ones win. */
export function joinChoices(...all: readonly Choices[]): Choices {
  return Object.assign({}, ...all) as Choices;
}

function readChoices(fields: Readonly<Record<string, unknown>>): Choices {
  const color = parseColor(asText(fields["primary_color"]));
  const texts = Object.entries(asObject(fields["texts"])).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string" && entry[1] !== "",
  );
  return definedOnly({
    position: oneOf(POSITIONS, fields["position"]),
    theme: oneOf(THEMES, fields["theme"]),
    primaryColor: color ?? undefined,
    greeting: asText(fields["greeting"]).trim() || undefined,
    title: asText(fields["title"]).trim() || undefined,
    language: asText(fields["language"]).trim() || undefined,
    direction: oneOf(["ltr", "rtl"] as const, fields["direction"]),
    texts: texts.length > 0 ? Object.fromEntries(texts) : undefined,
    quickReplies: asList(fields["quick_replies"]).length > 0 ? asTexts(fields["quick_replies"]) : undefined,
  });
}

function oneOf<T extends string>(allowed: readonly T[], value: unknown): T | undefined {
  return allowed.find((one) => one === value);
}

type DefinedOnly<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function definedOnly<T extends object>(fields: T): DefinedOnly<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as DefinedOnly<T>;
}
