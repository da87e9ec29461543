// Every caption that a reader can choose is readable on every picture: WCAG 1.4.3, and 1.4.6 for the text itself.

import { describe, expect, it } from 'vitest';
import css from '../styles/captions.css?raw';
import { contrast, fromHex, fromOKLCH, mix, type RGB } from './colour';
import { captionColours, captionFonts, captionOpacities, moved, overlap, readSpot, spotOf } from './look';

function block(name: string): Map<string, string> {
  const [, body] = new RegExp(`\\[data-caption-colours='${name}'\\] \\{([^}]*)\\}`).exec(css) ?? [];
  return new Map([...(body ?? '').matchAll(/--([a-z-]+): ([^;]+);/g)].map((m) => [m[1] ?? '', m[2] ?? '']));
}

const hues = [...css.matchAll(/--speaker-\d: oklch\(var\(--speaker-lightness\) var\(--speaker-chroma\) (\d+)\)/g)].map(
  (m) => Number(m[1]),
);

const choices = captionColours.flatMap((name) => captionOpacities.map((opacity) => [name, opacity] as const));

describe.each(choices)('captions in %s at %d %%', (name, opacity) => {
  const tokens = block(name);
  const hex = (token: string): string => {
    const value = tokens.get(token) ?? '';
    expect(value, token).toMatch(/^#[0-9a-f]{6}$/);
    return value;
  };
  // The worst picture behind a dark box is white, behind a light one black; all others lie between.
  const grounds = (): RGB[] =>
    ['#ffffff', '#000000'].map((picture) => mix(hex('caption-ground'), picture, opacity / 100));
  const least = (text: RGB) => Math.min(...grounds().map((ground) => contrast(text, ground)));

  it('are readable on any picture, solid and moving', () => {
    expect(least(fromHex(hex('caption-solid')))).toBeGreaterThanOrEqual(7);
    expect(least(fromHex(hex('caption-tail')))).toBeGreaterThanOrEqual(4.5);
  });

  it('tell the moving tail from what is solid', () => {
    expect(hex('caption-tail')).not.toBe(hex('caption-solid'));
  });

  it('have eight readable names', () => {
    const [lightness, chroma] = [Number(tokens.get('speaker-lightness')), Number(tokens.get('speaker-chroma'))];
    expect(new Set(hues).size).toBe(8);
    for (const hue of hues) expect(least(fromOKLCH(lightness, chroma, hue)), `hue ${hue}`).toBeGreaterThanOrEqual(4.5);
  });
});

it('has a font for each choice, and fetches none from elsewhere', () => {
  for (const font of captionFonts) expect(css).toContain(`[data-caption-font='${font}']`);
  expect(css).not.toMatch(/https?:/);
});

it('mixes colours as browsers do', () => {
  expect(contrast(mix('#000000', '#ffffff', 1), fromHex('#000000'))).toBeCloseTo(1);
  expect(contrast(mix('#000000', '#ffffff', 0.5), fromHex('#808080'))).toBeCloseTo(1, 1);
});

describe('where captions stand', () => {
  it('is at the place until they are moved', () => {
    expect(spotOf({ captionPlace: 'bottom', captionSpot: undefined })).toEqual({ x: 50, y: 100 });
    expect(spotOf({ captionPlace: 'top', captionSpot: undefined })).toEqual({ x: 50, y: 0 });
    expect(spotOf({ captionPlace: 'top', captionSpot: { x: 1, y: 2 } })).toEqual({ x: 1, y: 2 });
  });

  it('never leaves the room they have', () => {
    expect(moved({ x: 95, y: 5 }, 10, -10)).toEqual({ x: 100, y: 0 });
    expect(moved({ x: 50, y: 50 }, -3.14159, 0)).toEqual({ x: 46.9, y: 50 });
  });

  it.each([
    [undefined],
    [null],
    [{ x: 1 }],
    [{ x: -1, y: 5 }],
    [{ x: 1, y: 101 }],
    [{ x: '1', y: 2 }],
    [{ x: NaN, y: 2 }],
  ])('is forgotten if %j was stored', (stored) => {
    expect(readSpot(stored)).toBeUndefined();
  });

  it('is remembered if it is one', () => {
    expect(readSpot({ x: 12.5, y: 100, z: 3 })).toEqual({ x: 12.5, y: 100 });
  });
});

it('knows what captions cover', () => {
  const box = (left: number, top: number, size = 10) => ({ left, top, right: left + size, bottom: top + size });
  expect(overlap(box(0, 0), box(9, 9))).toBe(true);
  expect(overlap(box(0, 0), box(10, 0))).toBe(false);
  expect(overlap(box(0, 0, 30), box(10, 10))).toBe(true);
});
