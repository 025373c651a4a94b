/**
 * Owns the custom properties that carry the brand colour, and following the system between light and dark.
 * Leaves all other colours to the style sheet.
 */
import type { Theme } from "../settings";
import { INK, type Rgb, WHITE, formatColor, mix, readableOn, textColorOn } from "./color";

export const DEFAULT_COLOR: Rgb = [37, 99, 235];

/** `--sunken` of the style sheet: of what the accent is written on, it leaves the least contrast. */
const SURFACES: Readonly<Record<"light" | "dark", Rgb>> = { light: [243, 244, 246], dark: [38, 42, 51] };

/** Keeps one element in a theme and a brand colour. */
export class ThemeApplier {
  private theme: Theme = "light";
  private color: Rgb = DEFAULT_COLOR;

  constructor(
    private readonly root: HTMLElement,
    private readonly systemDark: MediaQueryList,
  ) {}

  /** Follow the system from now on. */
  follow(): void {
    this.systemDark.addEventListener("change", this.apply);
  }

  /** Change theme and colour. */
  set(theme: Theme, color: Rgb): void {
    this.theme = theme;
    this.color = color;
    this.apply();
  }

  /** Stop following the system. */
  dispose(): void {
    this.systemDark.removeEventListener("change", this.apply);
  }

  private readonly apply = (): void => {
    const isDark = this.theme === "dark" || (this.theme === "auto" && this.systemDark.matches);
    const shown = isDark ? "dark" : "light";
    const onPrimary = textColorOn(this.color);
    this.root.dataset["theme"] = shown;
    const { style } = this.root;
    style.setProperty("--primary", formatColor(this.color));
    // Shading goes away from the text, so that it never costs contrast.
    style.setProperty("--primary-shade", formatColor(mix(this.color, onPrimary === WHITE ? INK : WHITE, 0.24)));
    style.setProperty("--on-primary", formatColor(onPrimary));
    style.setProperty("--accent", formatColor(readableOn(this.color, SURFACES[shown])));
  };
}
