// The contrast of the colours as they stand in tokens.css (WCAG 1.4.3 and 1.4.11).

import { describe, expect, it } from 'vitest';
import css from '../styles/tokens.css?raw';
import { contrast, fromHex, fromOKLCH, type RGB } from './colour';

const light = tokens(css.split("[data-theme='dark']")[0] ?? '');
const dark = new Map([...light, ...tokens(css.split("[data-theme='dark']").slice(1).join(''))]);
const white: RGB = [1, 1, 1];

describe.each([
  ['light', light],
  ['dark', dark],
])('the %s theme', (_, theme) => {
  it.each([
    ['text', 'bg'],
    ['text', 'surface'],
    ['text', 'raised'],
    ['text', 'sunken'],
    ['text', 'accent-soft'],
    ['muted', 'bg'],
    ['muted', 'surface'],
    ['muted', 'raised'],
    ['muted', 'accent-soft'],
    ['accent-text', 'bg'],
    ['accent-text', 'surface'],
    ['accent-text', 'accent-soft'],
    ['on-accent', 'accent'],
    ['on-accent', 'accent-hover'],
    ['on-danger', 'danger'],
    ['on-danger', 'danger-hover'],
    ['danger-text', 'bg'],
    ['danger-text', 'surface'],
    ['danger-text', 'raised'],
    ['good-text', 'bg'],
    ['good-text', 'surface'],
    ['warn-text', 'warn-bg'],
    ['mark-text', 'mark-bg'],
    ['on-stage', 'stage'],
    ['on-stage', 'stage-control'],
  ])('%s on %s is readable', (text, ground) => {
    expect(contrast(hex(theme, text), hex(theme, ground))).toBeGreaterThanOrEqual(4.5);
  });

  it.each([
    ['edge', 'bg'],
    ['edge', 'surface'],
    ['accent', 'surface'],
  ])('%s on %s is seen', (line, ground) => {
    expect(contrast(hex(theme, line), hex(theme, ground))).toBeGreaterThanOrEqual(3);
  });

  it('tells eight speakers apart by readable names', () => {
    for (const colour of speakers(theme)) {
      expect(contrast(colour, hex(theme, 'bg'))).toBeGreaterThanOrEqual(4.5);
      expect(contrast(colour, hex(theme, 'surface'))).toBeGreaterThanOrEqual(4.5);
    }
    expect(new Set(speakers(theme).map(String)).size).toBe(8);
  });
});

describe('captions', () => {
  // The box lets some of the picture through: the worst picture is white.
  const through = 1 - Number(/--caption-box: rgb\(0 0 0 \/ (\d+)%\)/.exec(css)?.[1]) / 100;
  const grey = ((through + 0.055) / 1.055) ** 2.4;
  const box: RGB = [grey, grey, grey];

  it('have a box that is dark on any picture', () => {
    expect(through).toBeLessThanOrEqual(0.25);
    expect(contrast(white, box)).toBeGreaterThanOrEqual(7);
  });

  it('are readable, solid and moving', () => {
    expect(contrast(hex(dark, 'caption-solid'), box)).toBeGreaterThanOrEqual(7);
    expect(contrast(hex(dark, 'caption-tail'), box)).toBeGreaterThanOrEqual(4.5);
  });

  it('have readable names', () => {
    for (const colour of speakers(dark)) expect(contrast(colour, box)).toBeGreaterThanOrEqual(4.5);
  });
});

it('measures contrast as WCAG does', () => {
  expect(contrast(white, fromHex('#000000'))).toBeCloseTo(21);
  expect(contrast(fromHex('#777777'), white)).toBeCloseTo(4.48, 2);
});

function tokens(text: string): Map<string, string> {
  return new Map([...text.matchAll(/--([a-z0-9-]+):\s*([^;]+);/g)].map((m) => [m[1] ?? '', m[2] ?? '']));
}

function hex(theme: ReadonlyMap<string, string>, name: string): RGB {
  const value = theme.get(name) ?? '';
  expect(value, name).toMatch(/^#[0-9a-f]{6}/);
  return fromHex(value);
}

function speakers(theme: ReadonlyMap<string, string>): RGB[] {
  const lightness = Number(theme.get('speaker-lightness'));
  const chroma = Number(theme.get('speaker-chroma'));
  return Array.from({ length: 8 }, (_, i) => {
    const hue = Number(/(\d+)\)$/.exec(theme.get(`speaker-${i}`) ?? '')?.[1]);
    expect(hue).toBeGreaterThanOrEqual(0);
    return fromOKLCH(lightness, chroma, hue);
  });
}
