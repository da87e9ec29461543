// Icons of the installed app as PNG, drawn from public/favicon.svg when the client is built: some systems take no SVG. It knows
// what the sign is made of (a rounded square, horizontal strokes, a dot) and refuses a sign that has anything else.

import { readFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';

/** Each icon: its file, its side in pixels, and whether the ground goes to the edges, for systems that cut a shape out of it. */
const icons = [
  { fileName: 'icons/192.png', side: 192, bleeds: false },
  { fileName: 'icons/512.png', side: 512, bleeds: false },
  { fileName: 'icons/maskable-512.png', side: 512, bleeds: true },
  { fileName: 'icons/apple-touch.png', side: 180, bleeds: true },
];

/** Systems keep at least this part of an icon that bleeds, around its middle. */
const kept = 0.8;

/** Adds the icons to what Vite builds. */
export function appIcons() {
  return {
    name: 'app-icons',
    apply: 'build',
    generateBundle() {
      const sign = readSign(readFileSync(new URL('../public/favicon.svg', import.meta.url), 'utf8'));
      for (const { fileName, side, bleeds } of icons) {
        this.emitFile({ type: 'asset', fileName, source: draw(sign, side, bleeds) });
      }
    },
    transformIndexHtml: () => [
      { tag: 'link', injectTo: 'head', attrs: { rel: 'apple-touch-icon', href: '/icons/apple-touch.png' } },
    ],
  };
}

function readSign(svg) {
  const elements = [...svg.matchAll(/<([a-z]+)([^>]*?)\/?>/g)].filter(([, name]) => name !== 'svg');
  return {
    size: Number(/viewBox="0 0 (\d+) \1"/.exec(svg)?.[1]),
    shapes: elements.flatMap(([, name, attributes]) => readShapes(name, attributes)),
  };
}

/** A shape says how far a point is outside of it (negative: inside), in units of the view box. */
function readShapes(name, attributes) {
  const attribute = (key) => new RegExp(`(?:^| )${key}="([^"]*)"`).exec(attributes)?.[1] ?? '';
  const n = (key) => Number(attribute(key));
  switch (name) {
    case 'rect': {
      const [half, r] = [n('width') / 2, n('rx')];
      const outside = (x, y) => {
        const [dx, dy] = [Math.abs(x - half) - half + r, Math.abs(y - half) - half + r];
        return Math.hypot(Math.max(dx, 0), Math.max(dy, 0)) + Math.min(Math.max(dx, dy), 0) - r;
      };
      return [{ colour: rgb(attribute('fill')), ground: true, outside }];
    }
    case 'circle': {
      const [cx, cy, r] = [n('cx'), n('cy'), n('r')];
      return [{ colour: rgb(attribute('fill')), outside: (x, y) => Math.hypot(x - cx, y - cy) - r }];
    }
    case 'path': {
      const [d, half] = [attribute('d'), n('stroke-width') / 2];
      if (!/^(?:M[\d.]+ [\d.]+h[\d.]+)+$/.test(d)) throw new Error(`favicon.svg: this path cannot be drawn: ${d}`);
      return [...d.matchAll(/M([\d.]+) ([\d.]+)h([\d.]+)/g)].map(([, x0, y0, length]) => ({
        colour: rgb(attribute('stroke')),
        outside: (x, y) => Math.hypot(x - Math.min(Math.max(x, +x0), +x0 + +length), y - y0) - half,
      }));
    }
  }
  throw new Error(`favicon.svg: <${name}> cannot be drawn`);
}

function rgb(hex) {
  const long = hex.length === 4 ? hex.replace(/[0-9a-f]/g, '$&$&') : hex;
  if (!/^#[0-9a-f]{6}$/.test(long)) throw new Error(`favicon.svg: ${hex} is no colour`);
  return [1, 3, 5].map((at) => parseInt(long.slice(at, at + 2), 16));
}

function draw({ size, shapes }, side, bleeds) {
  const scale = size / side / (bleeds ? kept : 1);
  const shift = (size - side * scale) / 2;
  const rows = Buffer.alloc(side * (4 * side + 1)); // each row begins with its filter: none
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const [x, y] = [shift + (column + 0.5) * scale, shift + (row + 0.5) * scale];
      let [r, g, b, alpha] = [0, 0, 0, 0];
      for (const { colour, ground, outside } of shapes) {
        const covers = ground && bleeds ? 1 : Math.min(1, Math.max(0, 0.5 - outside(x, y) / scale));
        [r, g, b] = [r, g, b].map((c, i) => c * (1 - covers) + colour[i] * covers);
        alpha = Math.max(alpha, covers);
      }
      // The ground is the first shape and all others lie on it: its colour counts, its edge is transparent.
      const at = row * (4 * side + 1) + 1 + 4 * column;
      const straight = (c) => (alpha === 0 ? 0 : Math.round(Math.min(255, c / alpha)));
      rows.set([straight(r), straight(g), straight(b), Math.round(255 * alpha)], at);
    }
  }
  return png(side, rows);
}

/** PNG (ISO/IEC 15948): signature, header of 8 bits RGBA, one block of data, end. */
function png(side, rows) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([8, 6], 8);
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND'),
  ]);
}

function chunk(type, data = Buffer.alloc(0)) {
  const body = Buffer.concat([Buffer.from(type), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  framed.set(body, 4);
  framed.writeUInt32BE(crc(body), body.length + 4);
  return framed;
}

function crc(bytes) {
  let c = 0xffffffff;
  for (const byte of bytes) {
    c ^= byte;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  }
  return (c ^ 0xffffffff) >>> 0;
}
