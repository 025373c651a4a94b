/**
 * Owns what a site builder and the tenant may choose: reading script attributes and the server's config, and which of them wins.
 * Leaves applying the choices to the widget.
 */
import { asList, asObject, asText, asTexts } from "./api/json";
import type { Direction } from "./locale/index";
import { safeLinkTarget } from "./markdown/link-target";
import { type Rgb, parseColor } from "./view/color";

export const POSITIONS = ["bottom-right", "bottom-left", "top-right", "top-left"] as const;
export const THEMES = ["light", "dark", "auto"] as const;

const DETAILS = ["name", "email", "phone"] as const;

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
  readonly avatarUrl?: string;
  /** What stands beside the bubble's icon. */
  readonly launcherText?: string;
  /** Whether the page opens the window by itself and shows no bubble. */
  readonly hideLauncher?: boolean;
  readonly proactiveText?: string;
  readonly proactiveDelayS?: number;
  readonly disclosure?: string;
  readonly allowImages?: boolean;
  readonly sound?: boolean;
  readonly rating?: boolean;
  readonly transcript?: boolean;
  readonly preChat?: PreChat;
}

/** What a visitor is asked before the conversation. */
export interface PreChat {
  readonly text: string;
  readonly fields: readonly { readonly name: "name" | "email" | "phone"; readonly isRequired: boolean }[];
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
    avatar_url: options["avatarUrl"],
    launcher_text: options["launcherText"],
    hide_launcher: readFlag(options["hideLauncher"]),
    proactive: { text: options["proactiveText"], delay_s: parseFloat(options["proactiveDelay"] ?? "") },
    sound: readFlag(options["sound"]),
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
  const proactive = asObject(fields["proactive"]);
  const delay = proactive["delay_s"];
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
    avatarUrl: safeImage(asText(fields["avatar_url"])),
    launcherText: asText(fields["launcher_text"]).trim() || undefined,
    hideLauncher: asFlag(fields["hide_launcher"]),
    proactiveText: asText(proactive["text"]).trim() || undefined,
    proactiveDelayS: Number.isFinite(delay) ? Math.max(0, delay as number) : undefined,
    disclosure: asText(fields["disclosure"]).trim() || undefined,
    allowImages: asFlag(fields["allow_images"]),
    sound: asFlag(fields["sound"]),
    rating: asFlag(fields["rating"]),
    transcript: asFlag(fields["transcript"]),
    preChat: readPreChat(fields["pre_chat"]),
  });
}

function readPreChat(value: unknown): PreChat | undefined {
  const { text, fields } = asObject(value);
  const known = asList(fields)
    .map(asObject)
    .flatMap(({ name, required }) => (oneOf(DETAILS, name) ? [{ name: name as (typeof DETAILS)[number], isRequired: required === true }] : []));
  return known.length > 0 ? { text: asText(text), fields: known } : undefined;
}

function safeImage(address: string): string | undefined {
  const target = safeLinkTarget(address);
  return target?.startsWith("https:") ? target : undefined;
}

function asFlag(value: unknown): boolean | undefined {
  return typeof value === "boolean" ? value : undefined;
}

/** An attribute without a value says yes. */
function readFlag(value: string | undefined): boolean | undefined {
  return value === undefined ? undefined : value !== "false";
}

function oneOf<T extends string>(allowed: readonly T[], value: unknown): T | undefined {
  return allowed.find((one) => one === value);
}

type DefinedOnly<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function definedOnly<T extends object>(fields: T): DefinedOnly<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as DefinedOnly<T>;
}
