/**
 * Owns the sound that tells of a message: two short notes, made by the browser, so that nothing is loaded.
 * Leaves when a message came to the widget.
 */
import type { ExtrasHost } from "../extras-desk";

const NOTES_HZ = [660, 880];
const NOTE_S = 0.12;
const LOUDNESS = 0.08;

/** Say whether the visitor wants to hear of messages; who has not said gets what the shop chose. */
export function wantsSound({ store, choices }: Pick<ExtrasHost, "store" | "choices">): boolean {
  return store.sound === "" ? choices().sound === true : store.sound === "1";
}

/** Sound once; a browser that lets no page sound before a click stays silent. */
export function ring(): void {
  try {
    const audio = new AudioContext();
    const gain = new GainNode(audio, { gain: LOUDNESS });
    gain.connect(audio.destination);
    NOTES_HZ.forEach((frequency, at) => {
      const note = new OscillatorNode(audio, { frequency });
      note.connect(gain);
      note.start(audio.currentTime + at * NOTE_S);
      note.stop(audio.currentTime + (at + 1) * NOTE_S);
      if (at === NOTES_HZ.length - 1) note.onended = () => void audio.close();
    });
  } catch {
    // no sound here
  }
}
