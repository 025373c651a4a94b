/**
 * Owns reading unknown JSON without trusting its shape: each reader gives the wanted type or a fallback, never throws.
 * Leaves the meaning of the fields to the contract.
 */
import { cleanText } from "../sanitizer";

export type JsonObject = Readonly<Record<string, unknown>>;

/** Take a value as an object, or as an empty one. */
export function asObject(value: unknown): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

/** Take a value as a list, or as an empty one. */
export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Take a value as text that may be shown, or as an empty one. */
export function asText(value: unknown): string {
  return typeof value === "string" ? cleanText(value) : "";
}

/** Take a value as the texts it lists; whatever is not a text with something in it is left out. */
export function asTexts(value: unknown): readonly string[] {
  return asList(value)
    .map(asText)
    .filter((item) => item.trim() !== "");
}

/** Parse JSON text, or give `undefined` when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
