/**
 * Owns saving what was said as a text file.
 * Leaves offering it to the menu.
 */
import type { ExtrasHost } from "../extras-desk";
import type { Entry } from "../conversation/state";
import { fill } from "../locale/index";
import { extraStrings } from "./strings";

/** Let the browser save the conversation. */
export function saveTranscript(host: ExtrasHost): void {
  const { conversation, locale } = host;
  const { transcriptTitle } = extraStrings(locale());
  const day = new Date().toISOString().slice(0, 10);
  // The mark lets old editors know that this is UTF-8.
  const file = new Blob(["\ufeff", writeTranscript(conversation.state.entries, host)], { type: "text/plain;charset=utf-8" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = `${transcriptTitle} ${day}.txt`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Write what was said, a paragraph each; what stands further in belongs to the line above, whatever it looks like. */
export function writeTranscript(entries: readonly Entry[], { locale }: Pick<ExtrasHost, "locale">): string {
  const { strings, language } = locale();
  const time = new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "short" });
  return entries
    .map((entry) => {
      if (entry.kind === "notice") return `(${fill(extraStrings(locale())[entry.topic], { name: entry.name })})`;
      const speaker = entry.kind === "visitor" ? strings.you : entry.author || strings.assistant;
      return `${entry.at === 0 ? "" : `[${time.format(entry.at)}] `}${speaker}: ${entry.text}`;
    })
    .map((paragraph) => paragraph.replace(/\r\n?|\n/g, "\r\n  "))
    .join("\r\n\r\n");
}
