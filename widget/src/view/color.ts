/**
 * Owns colour arithmetic: reading a brand colour and keeping text on and beside it readable.
 * Leaves which element gets which colour to the theme.
 */

/** Red, green and blue, each 0 to 255. */
export type Rgb = readonly [number, number, number];

export const WHITE: Rgb = [255, 255, 255];
export const INK: Rgb = [0, 0, 0];

/** WCAG 2.2 AA for text of normal size. */
const MIN_CONTRAST = 4.5;

/** Read `#rgb`, `#rrggbb` or `rgb(r, g, b)`; anything else is `null`. */
export function parseColor(text: string): Rgb | null {
  const trimmed = text.trim();
  const hex = /^#(?:[0-9a-f]{3}|[0-9a-f]{6})$/i.test(trimmed) ? trimmed.slice(1) : null;
  if (hex !== null) {
    const long = hex.length === 3 ? hex.replace(/./g, "$&$&") : hex;
    return [0, 2, 4].map((at) => parseInt(long.slice(at, at + 2), 16)) as unknown as Rgb;
  }
  const channels = /^rgb\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)$/i.exec(trimmed)?.slice(1).map(Number);
  return channels !== undefined && channels.every((one) => one <= 255) ? (channels as unknown as Rgb) : null;
}

/** Write a colour for CSS. */
export function formatColor(color: Rgb): string {
  return `rgb(${color.join(",")})`;
}

/** Give the contrast ratio of two colours, 1 to 21. Source: WCAG 2.2, "contrast ratio". */
export function contrast(one: Rgb, other: Rgb): number {
  const [darker, lighter] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (lighter + 0.05) / (darker + 0.05);
}

/** Choose white or ink for text on a colour: white where it is readable; where it is not, ink always is. */
export function textColorOn(background: Rgb): Rgb {
  return contrast(WHITE, background) >= MIN_CONTRAST ? WHITE : INK;
}

/** Shade a colour towards white or ink, only as far as it takes to be readable on a background. */
export function readableOn(color: Rgb, background: Rgb): Rgb {
  const goal = luminance(background) > 0.4 ? INK : WHITE;
  for (let share = 0; share < 1; share += 0.1) {
    const mixed = mix(color, goal, share);
    if (contrast(mixed, background) >= MIN_CONTRAST) return mixed;
  }
  return goal;
}

/** Mix two colours; `share` 0 gives the first, 1 the second. */
export function mix(one: Rgb, other: Rgb, share: number): Rgb {
  return one.map((channel, at) => Math.round(channel + ((other[at] ?? 0) - channel) * share)) as unknown as Rgb;
}

function luminance(color: Rgb): number {
  const [red, green, blue] = color.map((channel) => {
    const value = channel / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
