/** Tests reading colours and keeping text readable on and beside any of them. */
import { describe, expect, it } from "vitest";
import { INK, type Rgb, WHITE, contrast, mix, parseColor, readableOn, textColorOn } from "../../src/view/color";

describe("parseColor", () => {
  it.each([
    ["#2563eb", [37, 99, 235]],
    ["#FFF", [255, 255, 255]],
    [" rgb(1, 2,3) ", [1, 2, 3]],
    ["#12345", null],
    ["red", null],
    ["rgb(256,0,0)", null],
    ["#fff;background:url(x)", null],
    ["", null],
  ])("reads %j as %j", (text, color) => {
    expect(parseColor(text)).toEqual(color);
  });
});

describe("contrast", () => {
  it("is 21 between black and white, 1 with itself", () => {
    expect(contrast([0, 0, 0], WHITE)).toBeCloseTo(21, 5);
    expect(contrast([37, 99, 235], [37, 99, 235])).toBe(1);
  });

  it("of text is readable on and beside every brand colour", () => {
    const steps = [0, 51, 102, 153, 204, 255];
    const surfaces: Rgb[] = [WHITE, [243, 244, 246], [23, 25, 31], [38, 42, 51]];
    for (const red of steps)
      for (const green of steps)
        for (const blue of steps) {
          const color: Rgb = [red, green, blue];
          const text = textColorOn(color);
          expect(contrast(text, color), String(color)).toBeGreaterThanOrEqual(4.5);
          // The other end of the header, of which no tool can tell the contrast.
          expect(contrast(text, mix(color, text === WHITE ? INK : WHITE, 0.24)), String(color)).toBeGreaterThanOrEqual(4.5);
          for (const surface of surfaces) expect(contrast(readableOn(color, surface), surface), String(color)).toBeGreaterThanOrEqual(4.5);
        }
  });

  it("leaves a colour alone that is readable already", () => {
    expect(readableOn([37, 99, 235], WHITE)).toEqual([37, 99, 235]);
  });
});
