// The contrast of the colours as they stand in tokens.css (WCAG 1.4.3 and 1.4.11).

import { describe, expect, it } from 'vitest';
import css from '../styles/tokens.css?raw';
import { contrast, fromHex, fromOKLCH, type RGB } from './colour';

const light = tokens(blocks(':root'));
const dark = new Map([...light, ...tokens(blocks("[data-theme='dark']"))]);
const white: RGB = [1, 1, 1];

// Texts that stand on grounds which others set: each must be readable on all of these.
const grounds = ['bg', 'surface', 'raised', 'sunken', 'accent-soft'];
const texts = ['text', 'muted', 'accent-text', 'danger-text', 'good-text'];
// Texts with a ground of their own.
const pairs: readonly [text: string, ground: string][] = [
  ...grounds.flatMap((ground) => texts.map((text): [string, string] => [text, ground])),
  ['on-accent', 'accent'],
  ['on-accent', 'accent-hover'],
  ['on-danger', 'danger'],
  ['on-danger', 'danger-hover'],
  ['warn-text', 'warn-bg'],
  ['mark-text', 'mark-bg'],
  ['on-stage', 'stage'],
  ['on-stage', 'stage-control'],
  ['text', 'line'], // a pressed control under the pointer
];

describe.each([
  ['light', light],
  ['dark', dark],
])('the %s theme', (_, theme) => {
  it.each(pairs)('%s on %s is readable', (text, ground) => {
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
      expect(contrast(colour, hex(theme, 'raised'))).toBeGreaterThanOrEqual(4.5);
    }
    expect(new Set(speakers(theme).map(String)).size).toBe(8);
  });
});

describe('the components', () => {
  const sources = import.meta.glob<string>('../**/*.{svelte,css}', { query: '?raw', import: 'default', eager: true });
  const colours = /^(?:bg|surface|raised|sunken|text|muted|on-|accent|danger|warn|good|mark|stage|line|edge)/;
  const rules = Object.values(sources).flatMap((text) => text.match(/\{[^{}]*\}/g) ?? []);
  const of = (rule: string, property: string) =>
    new RegExp(`[\\s;]${property}:\\s*var\\(--([a-z0-9-]+)\\)`).exec(rule)?.[1] ?? '';

  it('set no text on a ground whose contrast is not tested here', () => {
    const known = new Set(pairs.map(String));
    const used = rules
      .map((rule): [string, string] => [of(rule, 'color'), of(rule, 'background(?:-color)?')])
      .filter(([text, ground]) => colours.test(text) && colours.test(ground));
    expect(used.length).toBeGreaterThan(20);
    expect(used.map(String).filter((pair) => !known.has(pair))).toEqual([]);
  });

  it('write in no colour that is not a text colour', () => {
    const known = new Set([...pairs.map(([text]) => text), 'caption-solid', 'caption-tail', 'speaker']);
    const used = rules.map((rule) => of(rule, 'color')).filter(Boolean);
    expect(used.filter((text) => !known.has(text))).toEqual([]);
  });

  // Captions have pairs of colours, which readers choose from; their test is look.test.ts.
  it('have no colour of their own', () => {
    const raw = Object.entries(sources).filter(([path, text]) => {
      const style = path.endsWith('.css') ? text : (text.split('<style>')[1] ?? '');
      return (
        !/(?:tokens|captions)\.css$/.test(path) && /:[^;{]*(?:#[0-9a-f]{3,8}\b|\b(?:rgb|hsl|oklch)a?\()/i.test(style)
      );
    });
    expect(raw.map(([path]) => path)).toEqual([]);
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

/** What stands in the blocks of a selector. */
function blocks(selector: string): string {
  return css
    .split('}')
    .filter((block) => (block.split('{').at(-2) ?? '').trim().split('\n').at(-1)?.trim() === selector)
    .map((block) => block.split('{').at(-1))
    .join('');
}

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
