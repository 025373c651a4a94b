/**
 * Owns choosing the language and direction of the widget, and filling in its sentences.
 * Leaves the sentences to one module per language.
 */
import { type Strings, en } from "./en";
import { he } from "./he";

export type { Strings } from "./en";
export type Direction = "ltr" | "rtl";

export interface Locale {
  /** The language tag that was asked for, also when its sentences are in English. */
  readonly language: string;
  readonly direction: Direction;
  readonly strings: Strings;
  /** Sentences under keys of the tenant's own, such as `tool_get_order_status`. */
  readonly extraTexts: Readonly<Record<string, string>>;
}

const TABLES: Readonly<Record<string, Strings>> = { en, he };
const RTL_LANGUAGES = ["he", "ar", "fa", "ur", "yi"];

/**
 * Build the locale for the first language that is named.
 *
 * `overrides` are the tenant's own sentences by key; they win over the built-in ones.
 */
export function buildLocale(
  languages: readonly string[],
  overrides: Readonly<Record<string, string>>,
  direction: Direction | null = null,
): Locale {
  const language = languages.find(isTag) ?? "en";
  // Old systems still call Hebrew "iw".
  const base = (language.split("-")[0] ?? "").toLowerCase().replace(/^iw$/, "he");
  return {
    language,
    direction: direction ?? (RTL_LANGUAGES.includes(base) ? "rtl" : "ltr"),
    strings: { ...(TABLES[base] ?? en), ...overrides },
    extraTexts: overrides,
  };
}

function isTag(text: string): boolean {
  try {
    return Intl.getCanonicalLocales(text).length > 0;
  } catch {
    return false;
  }
}

/** Put values into a sentence's `{placeholders}`. */
export function fill(sentence: string, values: Readonly<Record<string, string | number>>): string {
  return sentence.replace(/\{(\w+)\}/g, (placeholder, name: string) => String(values[name] ?? placeholder));
}
